"""Problem details (RFC 9457) as the OpenAPI document describes them."""

from __future__ import annotations

from pydantic import BaseModel


class ProblemError(BaseModel):
    """One value that cannot be used: where it stands, and why not."""

    field: str
    detail: str
    pointer: str = ""
    parameter: str = ""


class Problem(BaseModel):
    """What went wrong. Members that do not apply are left out."""

    type: str
    title: str
    status: int
    detail: str = ""
    errors: list[ProblemError] = []
    scope: str = ""
    request_id: str = ""

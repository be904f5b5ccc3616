"""Schemas of problem details (RFC 9457), for the OpenAPI document."""

from __future__ import annotations

from pydantic import BaseModel


class ProblemError(BaseModel):
    """An invalid value: where it is and why it was refused."""

    field: str
    detail: str
    pointer: str = ""
    parameter: str = ""


class Problem(BaseModel):
    """The reason why the call failed. Members that do not apply are omitted."""

    type: str
    title: str
    status: int
    detail: str = ""
    errors: list[ProblemError] = []
    scope: str = ""
    request_id: str = ""

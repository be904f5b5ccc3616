"""Schemas of follows and mutes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from app.api.schemas.base import Input, OneOf, Output
from app.api.schemas.notifications import Instant
from app.services.follows.management import MODES

Mode = Annotated[str, OneOf(MODES)]


class FollowIn(Input):
    """A subject to follow or mute."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"subject": "candidate:cand-77", "mode": "follow"}]}
    )

    subject: str = Field(
        max_length=220, description="`candidate:<id>`, `job:<id>` or `type:<notification type>`."
    )
    mode: Mode
    until: Instant | None = Field(None, description="When it ends. Without it, never.")


class FollowOut(Output):
    """Something that you follow or mute. `name` is what your notifications call it, or its id."""

    id: int
    subject: str = Field(examples=["candidate:cand-77"])
    mode: Mode = Field(examples=["follow"])
    until: datetime | None
    name: str = Field(examples=["cand-77"])
    created_at: datetime


class FollowList(Output):
    """Your follows and mutes, oldest first."""

    results: list[FollowOut]
    next: str | None
    previous: str | None

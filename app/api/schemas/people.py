"""Schemas of people."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from app import catalog
from app.api.schemas.base import Input, OneOf, Output, optional

Role = Annotated[str, OneOf(catalog.ROLES)]


class Invite(Input):
    """The person to invite. They choose a password through a link in an email."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"email": "dana@example.com", "name": "Dana Petrov", "role": "recruiter"}]
        }
    )

    email: str = Field(max_length=254)
    name: str = Field(min_length=1, max_length=200)
    role: Role = "recruiter"


class PersonChange(Input):
    """The fields to change. Fields that are left out keep their values."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"role": "recruiter"}]})

    role: Role = optional()
    is_enabled: bool = optional()


class PersonOut(Output):
    """A person with an account."""

    id: int
    email: str = Field(examples=["dana@example.com"])
    name: str = Field(examples=["Dana Petrov"])
    role: Role
    is_enabled: bool
    time_zone: str = Field(examples=["Europe/Paris"])
    created_at: datetime
    last_signed_in_at: datetime | None


class PersonList(Output):
    """One page of people, sorted by name."""

    results: list[PersonOut]
    next: str | None
    previous: str | None

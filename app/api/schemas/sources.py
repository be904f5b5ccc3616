"""Schemas of sources."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from app.api.schemas.base import MOMENT, Input, OneOf, Output, optional
from app.services.sources.connections import LABELS

Kind = Annotated[str, OneOf(tuple(LABELS))]


class SourceIn(Input):
    """The system to connect. `secret` is what it signs its calls with, `company_name` the company in notifications."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "calcom",
                    "name": "Interviews in Cal.com",
                    "secret": "d1c6f0a2b94e7c35",
                    "company_name": "Alder Robotics",
                }
            ]
        }
    )

    kind: Kind
    name: str = Field(min_length=1, max_length=100)
    secret: str = Field(min_length=8, max_length=256)
    company_name: str = Field("", max_length=255)
    api_key: str = Field(
        "",
        max_length=500,
        description="A key for the API of Ashby or Lever, to look up names that their calls lack.",
    )


class SourceChange(Input):
    """The fields to change. Fields that are left out keep their values."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"is_paused": True}]})

    name: Annotated[str, Field(min_length=1, max_length=100)] = optional()
    company_name: Annotated[str, Field(max_length=255)] = optional()
    secret: Annotated[str, Field(min_length=8, max_length=256)] = optional()
    api_key: Annotated[str, Field(max_length=500, description="Empty removes it.")] = optional()
    is_paused: bool = optional()


class SourceOut(Output):
    """A connected system. `url` is the address to paste there. `refused_at` is the last call with a wrong signature."""

    id: int
    kind: Kind = Field(examples=["calcom"])
    name: str = Field(examples=["Interviews in Cal.com"])
    company_name: str = Field(examples=["Alder Robotics"])
    url: str = Field(examples=["https://bellhop.example.com/sources/V0PJ3q…"])
    is_paused: bool = Field(examples=[False])
    has_api_key: bool = Field(examples=[False])
    api_error: str = Field(examples=[""], description="The API's last error; empty after a success.")
    last_call_at: datetime | None = Field(examples=[MOMENT])
    refused_at: datetime | None
    rotated_at: datetime | None
    created_at: datetime


class SourceList(Output):
    """Every source, oldest first."""

    results: list[SourceOut]
    next: str | None
    previous: str | None


class SourceCallOut(Output):
    """A call with the right signature. `verdict` describes its outcome in a sentence."""

    id: int
    action: str = Field(examples=["BOOKING_CREATED"])
    state: Literal["waiting", "mapped", "ignored", "unmapped_people", "failed"] = Field(examples=["mapped"])
    verdict: str = Field(examples=["Notified 2 people"])
    occurred_at: datetime
    received_at: datetime


class SourceCallList(Output):
    """One page of a source's calls, newest first."""

    results: list[SourceCallOut]
    next: str | None
    previous: str | None

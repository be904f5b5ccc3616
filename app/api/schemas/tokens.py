"""Schemas of API tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from app.api.schemas.base import Input, OneOf, Output
from app.services.accounts import tokens

Scope = Annotated[str, OneOf(tokens.SCOPES)]


class TokenIn(Input):
    """The token to create: its name, its scopes, and how many days it is valid."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "nightly report", "scopes": ["read"], "days": 90}]}
    )

    name: str = Field(min_length=1, max_length=100)
    scopes: list[Scope] = Field(min_length=1, max_length=4)
    days: int | None = Field(None, ge=1, le=tokens.MAX_DAYS)


class TokenOut(Output):
    """One of your tokens. `prefix` is the beginning of its text."""

    id: int
    name: str = Field(examples=["nightly report"])
    prefix: str = Field(examples=["bhp_4fYqZ8"])
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None = Field(examples=["2026-06-08T09:30:00Z"])
    last_used_at: datetime | None


class NewToken(TokenOut):
    """A new token. `token` is shown only once: it is null when the call is repeated (`Idempotency-Key`)."""

    token: str | None = Field(examples=["bhp_4fYqZ8…"])


class TokenList(Output):
    """Your tokens, newest first."""

    results: list[TokenOut]
    next: str | None
    previous: str | None

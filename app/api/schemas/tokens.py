"""Tokens on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from app.api.schemas.base import Input, OneOf, Output
from app.services.accounts import tokens

Scope = Annotated[str, OneOf(tokens.SCOPES)]


class TokenIn(Input):
    """What a token is for, what it may do, and for how many days."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "nightly report", "scopes": ["read"], "days": 90}]}
    )

    name: str = Field(min_length=1, max_length=100)
    scopes: list[Scope] = Field(min_length=1, max_length=4)
    days: int | None = Field(None, ge=1, le=tokens.LONGEST_DAYS)


class TokenOut(Output):
    """One of the caller's tokens; of its text only the beginning."""

    id: int
    name: str = Field(examples=["nightly report"])
    prefix: str = Field(examples=["bhp_4fYqZ8"])
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None = Field(examples=["2026-06-08T09:30:00Z"])
    last_used_at: datetime | None


class NewToken(TokenOut):
    """A new token. `token` is shown this once; where the call is repeated (`Idempotency-Key`) it is null."""

    token: str | None = Field(examples=["bhp_4fYqZ8…"])


class TokenList(Output):
    """The caller's tokens, newest first."""

    results: list[TokenOut]
    next: str | None
    previous: str | None

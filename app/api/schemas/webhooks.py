"""Schemas of webhooks."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from app.api.schemas.base import MOMENT, Input, Output, optional


class WebhookIn(Input):
    """The webhook to create. `url` must be a public https:// URL."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"url": "https://example.com/hooks/bellhop"}]})

    url: str = Field(max_length=500)


class WebhookChange(Input):
    """The fields to change. Fields that are left out keep their values."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"is_enabled": False}]})

    url: Annotated[str, Field(max_length=500)] = optional()
    is_enabled: bool = optional()


class WebhookOut(Output):
    """One of your webhooks. `failing_since` is the first of the current consecutive failures."""

    id: int
    url: str = Field(examples=["https://example.com/hooks/bellhop"])
    is_enabled: bool
    disabled_at: datetime | None
    disabled_reason: str
    failing_since: datetime | None
    rotated_at: datetime | None
    created_at: datetime


class NewWebhook(WebhookOut):
    """A webhook with its secret, which is shown only once: null when the call is repeated (`Idempotency-Key`)."""

    secret: str | None = Field(examples=["whsec_q83vASNF…"])


class WebhookList(Output):
    """Your webhooks, oldest first."""

    results: list[WebhookOut]
    next: str | None
    previous: str | None


class CallOut(Output):
    """A call to a webhook. `verdict` describes its state in a sentence; `response` is the last response."""

    id: int
    notification_id: int | None = Field(examples=[123])
    kind: str = Field(examples=["notification"])
    title: str = Field(examples=["Interview Scheduled for Priya Raman"])
    state: str = Field(examples=["sent"])
    verdict: str = Field(examples=["Sent"])
    attempts: int = Field(examples=[1])
    response: str = Field(examples=["200 OK"])
    created_at: datetime
    due_at: datetime
    sent_at: datetime | None = Field(examples=[MOMENT])


class CallList(Output):
    """One page of a webhook's calls, newest first."""

    results: list[CallOut]
    next: str | None
    previous: str | None

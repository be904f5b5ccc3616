"""Webhooks on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from app.api.schemas.base import MOMENT, Input, Output, left_out


class WebhookIn(Input):
    """Where to post to: an address on the open internet that begins with https://."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"url": "https://example.com/hooks/bellhop"}]})

    url: str = Field(max_length=500)


class WebhookChange(Input):
    """What to change about a webhook; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"is_enabled": False}]})

    url: Annotated[str, Field(max_length=500)] = left_out()
    is_enabled: bool = left_out()


class WebhookOut(Output):
    """One of the caller's webhooks. `failing_since` is the first of the failures in a row."""

    id: int
    url: str = Field(examples=["https://example.com/hooks/bellhop"])
    is_enabled: bool
    disabled_at: datetime | None
    disabled_reason: str
    failing_since: datetime | None
    rotated_at: datetime | None
    created_at: datetime


class NewWebhook(WebhookOut):
    """A webhook and its secret, told this once; where the call is repeated (`Idempotency-Key`) it is null."""

    secret: str | None = Field(examples=["whsec_q83vASNF…"])


class WebhookList(Output):
    """The caller's webhooks, oldest first."""

    results: list[WebhookOut]
    next: str | None
    previous: str | None


class CallOut(Output):
    """One call to a webhook: `verdict` is the sentence for its state, `response` what was answered last."""

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


class CallPage(Output):
    """One page of the calls to a webhook, newest first."""

    results: list[CallOut]
    next: str | None
    previous: str | None

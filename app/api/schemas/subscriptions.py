"""Schemas of subscriptions."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from app.api.schemas.base import Input, OneOf, Output, optional
from app.api.schemas.webhooks import WebhookOut
from app.services.subscriptions.calls import TYPES

Types = Annotated[list[Annotated[str, OneOf(tuple(TYPES))]], Field(min_length=1, max_length=20)]


class SubscriptionIn(Input):
    """The subscription to create. `url` must be a public https:// URL; `types` selects the calls it gets."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "url": "https://example.com/hooks/bellhop",
                    "types": ["notification.created", "delivery.failed"],
                }
            ]
        }
    )

    url: str = Field(max_length=500)
    types: Types


class SubscriptionChange(Input):
    """The fields to change. Fields that are left out keep their values."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"types": ["delivery.failed"]}]})

    url: Annotated[str, Field(max_length=500)] = optional()
    types: Types = optional()
    is_enabled: bool = optional()


class SubscriptionOut(WebhookOut):
    """A webhook of the installation. `failing_since` is the first of the current consecutive failures."""

    types: list[str] = Field(examples=[["notification.created", "delivery.failed"]])


class NewSubscription(SubscriptionOut):
    """A subscription with its secret, shown only once: null when the call is repeated (`Idempotency-Key`)."""

    secret: str | None = Field(examples=["whsec_q83vASNF…"])


class SubscriptionList(Output):
    """Every subscription, oldest first."""

    results: list[SubscriptionOut]
    next: str | None
    previous: str | None

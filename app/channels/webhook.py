"""Webhooks, signed according to Standard Webhooks 1.0 (https://www.standardwebhooks.com)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from standardwebhooks import Webhook

from app.channels import safe_http
from app.channels.base import Channel, Message, PermanentFailure, Receipt, TemporaryFailure
from app.channels.public_addresses import is_public


def connect() -> Channel:
    """Open the webhook channel, which calls public addresses only."""
    return WebhookChannel()


class WebhookChannel:
    """Posts JSON to a message's address, signed with each of its keys."""

    def __init__(self, may_reach: Callable[[safe_http.IPAddress], bool] = is_public) -> None:
        self.may_reach = may_reach

    def send(self, message: Message) -> Receipt:
        """Post a message. Raises PermanentFailure (`suppress` on 410) or TemporaryFailure."""
        headers = {"Content-Type": "application/json", **sign_payload(message, datetime.now(UTC))}
        response = safe_http.post(message.address, message.text.encode(), headers, may_reach=self.may_reach)
        if response.is_ok:
            return Receipt(response.summary())
        if response.status == 410:
            raise PermanentFailure(response.summary(), suppress=True)
        # Redirects, wrong paths and rejected signatures are retried too: the owner has days to fix them.
        raise TemporaryFailure(response.summary(), retry_after=response.retry_after())

    def close(self) -> None:
        """Do nothing: each message has a connection of its own."""


def sign_payload(message: Message, now: datetime) -> dict[str, str]:
    """Return the three headers of the standard, with one signature per key."""
    signatures = [Webhook(key).sign(message.id, now, message.text) for key in message.keys]
    return {
        "webhook-id": message.id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }

"""Webhooks, signed as Standard Webhooks 1.0 says (https://www.standardwebhooks.com)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from standardwebhooks import Webhook

from app.channels import safe_http
from app.channels.base import Channel, Message, PermanentFailure, Receipt, TemporaryFailure


def connect() -> Channel:
    """The webhook channel; it reaches public addresses only."""
    return WebhookChannel()


class WebhookChannel:
    """Posts JSON to the message's address, signed with each of its keys."""

    def __init__(self, may_reach: Callable[[safe_http.IPAddress], bool] = safe_http.is_public) -> None:
        self.may_reach = may_reach

    def send(self, message: Message) -> Receipt:
        """Post a message. Raises PermanentFailure (`suppress` on 410) or TemporaryFailure."""
        headers = {"Content-Type": "application/json", **sign_payload(message, datetime.now(UTC))}
        answer = safe_http.post(message.address, message.text.encode(), headers, may_reach=self.may_reach)
        if answer.is_ok:
            return Receipt(answer.said())
        if answer.status == 410:
            raise PermanentFailure(answer.said(), suppress=True)
        # A redirect, a wrong path or a refused signature is a mistake that its owner can mend within days.
        raise TemporaryFailure(answer.said(), retry_after=answer.retry_after())

    def close(self) -> None:
        """Nothing stays open between two messages."""


def sign_payload(message: Message, now: datetime) -> dict[str, str]:
    """The three headers of the standard; while a secret is being replaced there are two signatures."""
    signatures = [Webhook(key).sign(message.id, now, message.text) for key in message.keys]
    return {
        "webhook-id": message.id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }

"""SMS through Twilio's REST API (https://www.twilio.com/docs/messaging/api/message-resource)."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote, urlencode

from flask import current_app

from app.channels import safe_http
from app.channels.base import (
    Channel,
    DeliveryError,
    HostUnavailable,
    Message,
    PermanentFailure,
    Receipt,
    TemporaryFailure,
    UncertainOutcome,
)

# Twilio's error codes: what the number or its owner will never take. `True`: do not write to it again.
PERMANENT: dict[int, bool] = {
    21211: False,  # not a number
    21214: False,  # cannot be reached
    21217: False,  # not a number
    21408: False,  # country not enabled
    21606: False,  # our own number cannot send to it
    21610: True,  # its owner answered STOP
    21612: False,  # no way from our number to it
    21614: False,  # not a mobile
    21617: False,  # text too long
    30004: True,  # blocked by its owner
    30005: False,  # unknown
    30006: True,  # a landline
    30007: False,  # filtered by the carrier
}


def connect() -> Channel:
    """The SMS channel as configured: Twilio, or keeping the message where there is no account."""
    config = current_app.config
    if not config["TWILIO_ACCOUNT_SID"]:
        return CaptureChannel()
    names = ("TWILIO_BASE_URL", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_FROM")
    return TwilioChannel(*(config[name] for name in names))


class TwilioChannel:
    """Posts to one host that an admin chose, so any address may be reached."""

    def __init__(self, base_url: str, account: str, token: str, sender: str) -> None:
        self.url = f"{base_url}/2010-04-01/Accounts/{quote(account, safe='')}/Messages.json"
        credentials = base64.b64encode(f"{account}:{token}".encode()).decode()
        self.headers = {
            "Authorization": f"Basic {credentials}",
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        self.sender = {"MessagingServiceSid" if sender.startswith("MG") else "From": sender}

    def send(self, message: Message) -> Receipt:
        """Hand a text over. Raises HostUnavailable, TemporaryFailure, PermanentFailure, UncertainOutcome."""
        form = urlencode({"To": message.address, "Body": message.text, **self.sender})
        try:
            answer = safe_http.post(self.url, form.encode(), self.headers, may_reach=lambda _address: True)
        except safe_http.NoResponse as error:
            # A text costs money and wakes somebody: one that may be out is not simply sent again.
            raise UncertainOutcome(str(error)) if error.was_sent else HostUnavailable(str(error)) from error
        if not answer.is_ok:
            raise failure(answer)
        sent = _json(answer)
        if "sid" not in sent:
            raise UncertainOutcome(f"An answer without an id: {answer.said()}")
        return Receipt(f"{answer.status} {sent['sid']} {sent.get('status', '')}".strip())

    def close(self) -> None:
        """Nothing stays open between two messages."""


class CaptureChannel:
    """Where there is no account: hands the message back, to be read under Admin, Deliveries."""

    def send(self, message: Message) -> Receipt:
        """Keep a message."""
        text = f"To: {message.address}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{message.text}"
        return Receipt("", kept=text.encode())

    def close(self) -> None:
        """There is nothing to close."""


def failure(answer: safe_http.HttpResponse) -> DeliveryError:
    """What a refusal of Twilio's means."""
    said = _json(answer)
    code = said.get("code") if isinstance(said.get("code"), int) else 0
    text = f"{answer.status} {code or ''} {said.get('message') or answer.text}"
    text = " ".join(text.split())[:300]
    if code in PERMANENT:
        return PermanentFailure(text, suppress=PERMANENT[code])
    if answer.status in {401, 403}:
        return HostUnavailable(text)  # Our account, not the reader's number.
    if answer.status == 429 or answer.status >= 500 or 300 <= answer.status < 400:
        return TemporaryFailure(text, retry_after=answer.retry_after(), slow_down=answer.status == 429)
    return PermanentFailure(text)


def _json(answer: safe_http.HttpResponse) -> dict[str, Any]:
    try:
        found = json.loads(answer.text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}

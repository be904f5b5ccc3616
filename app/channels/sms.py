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
from app.channels.capture import CaptureSms

# Twilio's error codes for messages that can never be sent. True: do not write to this number again.
PERMANENT: dict[int, bool] = {
    21211: False,  # not a number
    21214: False,  # cannot be reached
    21217: False,  # not a number
    21408: False,  # country not enabled
    21606: False,  # our number cannot send to it
    21610: True,  # its owner responseed STOP
    21612: False,  # cannot be reached from our number
    21614: False,  # not a mobile
    21617: False,  # text too long
    30004: True,  # blocked by its owner
    30005: False,  # number unknown
    30006: True,  # a landline
    30007: False,  # filtered by the carrier
}


def connect() -> Channel:
    """Open the SMS channel: Twilio, or capturing if no account is configured."""
    config = current_app.config
    if not config["TWILIO_ACCOUNT_SID"]:
        return CaptureSms()
    names = ("TWILIO_BASE_URL", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_FROM")
    return TwilioChannel(*(config[name] for name in names))


class TwilioChannel:
    """Sends through Twilio. An admin chose the host, so it may be a private address."""

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
        """Send a text. Raises HostUnavailable, TemporaryFailure, PermanentFailure, UncertainOutcome."""
        form = urlencode({"To": message.address, "Body": message.text, **self.sender})
        try:
            response = safe_http.post(self.url, form.encode(), self.headers, may_reach=lambda _address: True)
        except safe_http.NoResponse as error:
            # A text costs money and may wake a person, so do not send it again if it may have been sent.
            raise UncertainOutcome(str(error)) if error.was_sent else HostUnavailable(str(error)) from error
        if not response.is_ok:
            raise failure(response)
        sent = _json(response)
        if "sid" not in sent:
            raise UncertainOutcome(f"A response without an id: {response.summary()}")
        return Receipt(f"{response.status} {sent['sid']} {sent.get('status', '')}".strip())

    def close(self) -> None:
        """There is no open connection."""


def failure(response: safe_http.HttpResponse) -> DeliveryError:
    """Map an error response of Twilio to a failure."""
    error = _json(response)
    code = error.get("code") if isinstance(error.get("code"), int) else 0
    text = f"{response.status} {code or ''} {error.get('message') or response.text}"
    text = " ".join(text.split())[:300]
    if code in PERMANENT:
        return PermanentFailure(text, suppress=PERMANENT[code])
    if response.status in {401, 403}:
        return HostUnavailable(text)  # Our account is rejected, not the recipient's number.
    if response.status == 429 or response.status >= 500 or 300 <= response.status < 400:
        return TemporaryFailure(text, retry_after=response.retry_after(), slow_down=response.status == 429)
    return PermanentFailure(text)


def _json(response: safe_http.HttpResponse) -> dict[str, Any]:
    try:
        found = json.loads(response.text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}

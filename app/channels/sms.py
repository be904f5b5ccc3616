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

# Long, because a text whose response was not awaited may be sent and paid for twice.
ANSWER_SECONDS = 120.0
# Twilio's error codes after which no more texts are sent to the number.
UNREACHABLE = frozenset(
    {
        21610,  # its owner replied STOP
        30004,  # blocked by its owner
        30006,  # a landline
    }
)
# Error codes that blame our account or our number. True: every text is rejected, not just those to some countries.
OUR_FAULT: dict[int, bool] = {
    10001: True,  # account not active
    10002: True,  # trial account cannot do this
    20003: True,  # wrong account or token
    20005: True,  # account not active
    20006: True,  # access denied
    20008: True,  # test credentials
    20404: True,  # no such account
    21212: True,  # our number is not a number
    21408: False,  # country not enabled for our account
    21603: True,  # no sender
    21606: False,  # our number cannot send to it
    21608: False,  # trial account, number not verified
    21659: False,  # our number is not Twilio's
    21660: True,  # our number belongs to another account
    21701: True,  # no such messaging service
    21703: True,  # the messaging service has no numbers
    21705: True,  # not a messaging service
    30002: True,  # account suspended
    30034: False,  # our number is not registered
    63038: True,  # our daily limit
}
# Without a code of Twilio's: the account or the address of the service is wrong, not the recipient's number.
OUR_STATUSES = frozenset({401, 403, 404, 405})


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
            response = safe_http.post(
                self.url, form.encode(), self.headers, may_reach=lambda _address: True, within=ANSWER_SECONDS
            )
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
        """Do nothing: each message has a connection of its own."""


def failure(response: safe_http.HttpResponse) -> DeliveryError:
    """Map an error response of Twilio to a failure."""
    error = _json(response)
    given = error.get("code")
    code = given if isinstance(given, int) else 0
    text = f"{response.status} {code or ''} {error.get('message') or response.text}"
    text = " ".join(text.split())[:300]
    if code in UNREACHABLE:
        return PermanentFailure(text, suppress=True)
    is_unexplained_refusal = code == 0 and response.status in OUR_STATUSES
    if OUR_FAULT.get(code) or is_unexplained_refusal or response.status == 401:
        return HostUnavailable(text, is_our_fault=True)
    if code in OUR_FAULT:
        return TemporaryFailure(text, is_our_fault=True)
    if response.status == 429 or response.status >= 500 or 300 <= response.status < 400:
        return TemporaryFailure(text, retry_after=response.retry_after(), slow_down=response.status == 429)
    return PermanentFailure(text)


def _json(response: safe_http.HttpResponse) -> dict[str, Any]:
    try:
        found = json.loads(response.text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}

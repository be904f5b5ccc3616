"""Web Push: encrypts for one browser (RFC 8291) and signs with our key (VAPID, RFC 8292)."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import current_app
from py_vapid import Vapid02

from app.channels import safe_http
from app.channels.base import Channel, Message, PermanentFailure, Receipt, TemporaryFailure
from app.channels.public_addresses import is_public

# The subscription has ended (RFC 8030, 7.3).
GONE = frozenset({404, 410})
# Our key is rejected (RFC 8292, 4.2), in the words of those services that answer 400.
OUR_FAULT = frozenset({401, 403})
OUR_FAULT_WORDS = re.compile("vapid|jwt|authori[sz]ation|unauthori[sz]ed", re.IGNORECASE)
# Retrying would not help: malformed request, body too large.
PERMANENT = frozenset({400, 405, 411, 413, 415})
TOKEN_SECONDS = 12 * 3600
# A push service that does not respond in time is left alone for a while, so it does not delay the others.
TIMEOUT_SECONDS, BACKOFF_SECONDS = 10.0, 60.0


def connect() -> Channel:
    """Open the push channel with the configured key."""
    return PushChannel(current_app.config["VAPID_PRIVATE_KEY"], current_app.config["VAPID_SUBJECT"])


def public_key(private_key: str) -> str:
    """Return our public key in the form browsers expect (`applicationServerKey`)."""
    point = Vapid02.from_string(private_key).public_key.public_bytes(
        Encoding.X962, PublicFormat.UncompressedPoint
    )
    return base64.urlsafe_b64encode(point).rstrip(b"=").decode()


class PushChannel:
    """Posts to the push services of browsers. A service sees neither the text nor the recipient."""

    def __init__(
        self,
        private_key: str,
        subject: str,
        may_reach: Callable[[safe_http.IPAddress], bool] = is_public,
    ) -> None:
        self.vapid = Vapid02.from_string(private_key)
        self.subject = subject
        self.may_reach = may_reach
        self.tokens: dict[str, dict[str, str]] = {}
        self.backing_off_until: dict[str, float] = {}

    def send(self, message: Message) -> Receipt:
        """Encrypt and post a message.

        Raises:
            PermanentFailure: `suppress` means the browser must be removed.
            TemporaryFailure: any other failure.
        """
        # Imported here because it brings two HTTP clients along, 35 MB: most installations send no push.
        from pywebpush import WebPusher

        p256dh, auth = message.keys
        browser = {"endpoint": message.address, "keys": {"p256dh": p256dh, "auth": auth}}
        try:
            body = WebPusher(browser).encode(message.text.encode(), content_encoding="aes128gcm")["body"]
        except ValueError as error:
            raise PermanentFailure(
                f"The keys of this browser cannot be used: {error}", suppress=True
            ) from error
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Encoding": "aes128gcm",
            **message.headers,
            **self._token(message.address),
        }
        response = self._post(message.address, body, headers)
        if response.is_ok:
            return Receipt(response.summary())
        if response.status in OUR_FAULT or (response.status == 400 and OUR_FAULT_WORDS.search(response.text)):
            raise TemporaryFailure(
                f"The push service rejects VAPID_PRIVATE_KEY or VAPID_SUBJECT: {response.summary()}",
                is_our_fault=True,
            )
        if response.status in GONE | PERMANENT:
            raise PermanentFailure(response.summary(), suppress=response.status in GONE)
        raise TemporaryFailure(response.summary(), retry_after=response.retry_after())

    def close(self) -> None:
        """Do nothing: each message has a connection of its own."""

    def _post(self, endpoint: str, body: bytes, headers: Mapping[str, str]) -> safe_http.HttpResponse:
        origin = _origin(endpoint)
        if time.monotonic() < self.backing_off_until.get(origin, 0.0):
            raise TemporaryFailure(f"{origin} did not respond a moment ago", retry_after=BACKOFF_SECONDS)
        try:
            return safe_http.post(endpoint, body, headers, may_reach=self.may_reach, within=TIMEOUT_SECONDS)
        except safe_http.NoResponse:
            self.backing_off_until[origin] = time.monotonic() + BACKOFF_SECONDS
            raise

    def _token(self, endpoint: str) -> dict[str, str]:
        """One signature per push service, not per message, because signing takes the longest."""
        origin = _origin(endpoint)
        if origin not in self.tokens:
            claims = {"sub": self.subject, "aud": origin, "exp": int(time.time()) + TOKEN_SECONDS}
            self.tokens[origin] = self.vapid.sign(claims)
        return self.tokens[origin]


def _origin(endpoint: str) -> str:
    parts = urlsplit(endpoint)
    return f"{parts.scheme}://{parts.netloc}"

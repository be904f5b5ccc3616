"""Web Push: encrypted for one browser (RFC 8291), signed with our key (VAPID, RFC 8292)."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import current_app
from py_vapid import Vapid02
from pywebpush import WebPusher

from app.channels import safe_http
from app.channels.base import Channel, Message, PermanentFailure, Receipt, TemporaryFailure

# The browser is gone or has taken its permission back (RFC 8030, 7.3).
GONE = frozenset({404, 410})
# Nothing that another try would change: a malformed request, a key the service does not take, too large a body.
PERMANENT = frozenset({400, 401, 403, 405, 411, 413, 415})
TOKEN_SECONDS = 12 * 3600
# A push service only takes a message in; one that does not answer in time is let alone for a while, so that the
# browsers of the others do not wait behind it.
SECONDS, REST_SECONDS = 10.0, 60.0


def connect() -> Channel:
    """The push channel, with the key of the settings."""
    return PushChannel(current_app.config["VAPID_PRIVATE_KEY"], current_app.config["VAPID_SUBJECT"])


def public_key(private_key: str) -> str:
    """The other half of our key, as a browser wants it (`applicationServerKey`)."""
    point = Vapid02.from_string(private_key).public_key.public_bytes(
        Encoding.X962, PublicFormat.UncompressedPoint
    )
    return base64.urlsafe_b64encode(point).rstrip(b"=").decode()


class PushChannel:
    """Posts to the push services that browsers named; a service learns neither words nor reader."""

    def __init__(
        self,
        private_key: str,
        subject: str,
        may_reach: Callable[[safe_http.IPAddress], bool] = safe_http.is_public,
    ) -> None:
        self.vapid = Vapid02.from_string(private_key)
        self.subject = subject
        self.may_reach = may_reach
        self.tokens: dict[str, dict[str, str]] = {}
        self.resting_until: dict[str, float] = {}

    def send(self, message: Message) -> Receipt:
        """Encrypt and post a message. Raises PermanentFailure (`suppress`: drop the browser) or TemporaryFailure."""
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
        answer = self._post(message.address, body, headers)
        if answer.is_ok:
            return Receipt(answer.said())
        if answer.status in GONE | PERMANENT:
            raise PermanentFailure(answer.said(), suppress=answer.status in GONE)
        raise TemporaryFailure(answer.said(), retry_after=answer.retry_after())

    def close(self) -> None:
        """Nothing stays open between two messages."""

    def _post(self, endpoint: str, body: bytes, headers: Mapping[str, str]) -> safe_http.HttpResponse:
        origin = _origin(endpoint)
        if time.monotonic() < self.resting_until.get(origin, 0.0):
            raise TemporaryFailure(f"{origin} did not answer a moment ago", retry_after=REST_SECONDS)
        try:
            return safe_http.post(endpoint, body, headers, may_reach=self.may_reach, within=SECONDS)
        except safe_http.NoResponse:
            self.resting_until[origin] = time.monotonic() + REST_SECONDS
            raise

    def _token(self, endpoint: str) -> dict[str, str]:
        """One signature a push service, not one a message: signing is the dearest part."""
        origin = _origin(endpoint)
        if origin not in self.tokens:
            claims = {"sub": self.subject, "aud": origin, "exp": int(time.time()) + TOKEN_SECONDS}
            self.tokens[origin] = self.vapid.sign(claims)
        return self.tokens[origin]


def _origin(endpoint: str) -> str:
    parts = urlsplit(endpoint)
    return f"{parts.scheme}://{parts.netloc}"

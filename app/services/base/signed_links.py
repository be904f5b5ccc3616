"""Values that travel in a link, signed so that nobody can make or change one, and dated so that they end."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from itsdangerous import BadData, URLSafeSerializer

from app.services.base.errors import NotFound


def sign(values: dict[str, Any], *, purpose: str, secret: str, expires_at: datetime) -> str:
    """A URL-safe text that holds the values.

    Args:
        values: plain JSON values; signed, not hidden.
        purpose: a link for one purpose is worth nothing for another.
        secret: the application's key.
    """
    return str(_serializer(secret, purpose).dumps({**values, "until": int(expires_at.timestamp())}))


def read(text: str, *, purpose: str, secret: str, now: datetime) -> dict[str, Any]:
    """The values of a signed text.

    Raises:
        NotFound: it was not signed here, for this purpose, or its time is over.
    """
    try:
        values = _serializer(secret, purpose).loads(text)
    except BadData as error:
        raise NotFound("this link was not signed here") from error
    if not isinstance(values, dict) or values.get("until", 0) <= now.timestamp():
        raise NotFound("this link has expired")
    return values


def _serializer(secret: str, purpose: str) -> URLSafeSerializer:
    return URLSafeSerializer(secret, salt=f"bellhop.{purpose}", signer_kwargs={"key_derivation": "hmac"})

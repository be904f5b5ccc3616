"""Signed values that travel in links, so that they cannot be forged or changed; some of them expire.

Salts and key derivations may not change: links in emails that were sent long ago must keep working.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime
from functools import cache, cached_property
from typing import Any

from flask_babel import gettext as _
from itsdangerous import BadData, URLSafeSerializer
from itsdangerous.encoding import base64_encode

from app.database.base import db
from app.models import User
from app.services.base.errors import NotFound


def sign(values: dict[str, Any], *, purpose: str, secret: str, expires_at: datetime) -> str:
    """Sign values that are valid until an instant.

    Args:
        values: plain JSON values. They are signed, not encrypted.
        purpose: what the link is for. It is not valid for any other purpose.
        secret: the application's key.
    Returns:
        A text that can be part of a URL.
    """
    return str(_expiring(secret, purpose).dumps({**values, "until": int(expires_at.timestamp())}))


def read(text: str, *, purpose: str, secret: str, now: datetime) -> dict[str, Any]:
    """Read the values of a text from `sign`.

    Raises:
        NotFound: it was not signed with this secret for this purpose, or it has expired.
    """
    try:
        values = _expiring(secret, purpose).loads(text)
    except BadData as error:
        raise NotFound("this link was not signed here") from error
    if not isinstance(values, dict) or values.get("until", 0) <= now.timestamp():
        raise NotFound("this link has expired")
    return values


def sign_permanent(values: list[Any], *, purpose: str, secret: str) -> str:
    """Sign values that are valid for ever. Arguments and result as for `sign`."""
    return str(_permanent(secret, purpose).dumps(values))


def read_permanent(text: str, *, purpose: str, secret: str) -> list[Any]:
    """Read the values of a text from `sign_permanent`.

    Raises:
        NotFound: it was not signed with this secret for this purpose.
    """
    try:
        values = _permanent(secret, purpose).loads(text)
    except BadData as error:
        raise NotFound(_("This link is incomplete. Open it from the email again.")) from error
    return list(values)


def read_of_person(text: str, *, purpose: str, secret: str) -> tuple[User, str]:
    """Read a text from `sign_permanent` that holds a person's id and what the link is for.

    Raises:
        NotFound: it was not signed with this secret for this purpose, or the account was deleted.
    """
    user_id, subject = read_permanent(text, purpose=purpose, secret=secret)
    user = db.session.get(User, int(user_id))
    if user is None:
        raise NotFound(_("This account has been deleted."))
    return user, str(subject)


def _expiring(secret: str, purpose: str) -> URLSafeSerializer:
    return _serializer(secret, purpose, "hmac")


def _permanent(secret: str, purpose: str) -> URLSafeSerializer:
    return _serializer(secret, purpose, "django-concat")


class _Serializer(URLSafeSerializer):
    """Skips the attempt to compress, because these values are too short to gain from it, and prepares once what it can.

    An email has two or three links, and without this they would take twice as long.
    """

    # As itsdangerous writes JSON, which makes an encoder for each value.
    _encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

    @cached_property
    def _key(self) -> bytes:
        return self.make_signer().derive_key()

    def dumps(self, obj: Any, _salt: str | bytes | None = None) -> str:
        payload = self.dump_payload(obj)
        signature = base64_encode(hmac.digest(self._key, payload, "sha256"))
        return f"{payload.decode()}.{signature.decode()}"

    def dump_payload(self, obj: Any) -> bytes:
        return base64_encode(self._encode(obj))


@cache
def _serializer(secret: str, purpose: str, key_derivation: str) -> URLSafeSerializer:
    """HMAC-SHA-256. Links of old emails have HMAC-SHA-1, the default of itsdangerous, and are still read."""
    old = {"key_derivation": key_derivation}
    return _Serializer(
        secret,
        salt=f"bellhop.{purpose}",
        signer_kwargs={**old, "digest_method": hashlib.sha256},
        fallback_signers=[old],
    )

"""Addresses of chats. Anyone who knows one can post there, so they are encrypted and shown in part."""

from __future__ import annotations

from flask_babel import gettext as _

from app import canonical_addresses
from app.channels import safe_http
from app.services.base import encryption
from app.services.base.validation import InvalidValue

MAX_ADDRESS = 1000
_PURPOSE = "chat_address"
# The number of last characters shown to tell addresses apart, and the length from which they reveal little.
_SHOWN, _SHOWN_FROM = 4, 16


def encrypt(address: str, secret: str) -> str:
    """Encrypt an address with a key derived from the application's, `secret`."""
    return encryption.encrypt(address, purpose=_PURPOSE, secret=secret)


def decrypt(stored: str, secret: str) -> str | None:
    """Decrypt an address; None if the application's key was changed."""
    return encryption.decrypt(stored, purpose=_PURPOSE, secret=secret)


def shorten(address: str) -> str:
    """Return what people may see of an address: of a URL, only its host and, if it is long, its end."""
    if "://" not in address:
        return address
    parts = safe_http.parse_url(address)
    site = f"{parts.scheme}://{parts.netloc}/"
    secret = parts._replace(scheme="", netloc="").geturl().lstrip("/")
    return f"{site}…{secret[-_SHOWN:]}" if len(secret) >= _SHOWN_FROM else f"{site}…"


def public_url(value: object) -> str:
    """Check a public https:// URL. Raises InvalidValue."""
    address = canonical_addresses.trim(value) if isinstance(value, str) else ""
    if len(address) > MAX_ADDRESS:
        raise InvalidValue(_("This is longer than %(most)s characters.", most=MAX_ADDRESS))
    try:
        parts = safe_http.parse_url(address)
    except ValueError as error:
        raise InvalidValue(_("Enter a URL such as https://example.com/hooks/bellhop.")) from error
    if parts.scheme != "https":
        raise InvalidValue(_("The URL must start with https://."))
    if not safe_http.looks_public(parts):
        raise InvalidValue(_("This URL is not on the public internet."))
    return parts.geturl()

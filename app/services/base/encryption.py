"""Encrypts secrets that must be read again, with a key derived from the application's."""

from __future__ import annotations

import base64
import hmac

from cryptography.fernet import Fernet, InvalidToken


def encrypt(text: str, *, purpose: str, secret: str) -> str:
    """Encrypt a text for storage.

    Args:
        purpose: what the text is for. It cannot be decrypted for any other purpose.
        secret: the application's key.
    """
    return _fernet(purpose, secret).encrypt(text.encode()).decode()


def decrypt(stored: str, *, purpose: str, secret: str) -> str | None:
    """Decrypt a text from `encrypt`; None if the application's key has changed since."""
    try:
        return _fernet(purpose, secret).decrypt(stored.encode()).decode()
    except InvalidToken:
        return None


def _fernet(purpose: str, secret: str) -> Fernet:
    key = hmac.digest(secret.encode(), f"bellhop.{purpose}".encode(), "sha256")
    return Fernet(base64.urlsafe_b64encode(key))

"""Hashes and checks passwords: argon2id, with the low-memory parameters of RFC 9106."""

from __future__ import annotations

import threading
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from flask_babel import gettext as _

SHORTEST, LONGEST = 10, 200

_hasher = PasswordHasher()
# A check takes 64 MB and 100 ms of a core, so that a burst of sign-ins has to queue.
_hashing_slots = threading.BoundedSemaphore(4)


def hash_password(password: str) -> str:
    """Hash a password with argon2id."""
    with _hashing_slots:
        return _hasher.hash(password)


def matches(password: str, password_hash: str | None) -> bool:
    """Check a password against a hash. Takes the same time when there is no hash."""
    with _hashing_slots:
        try:
            _hasher.verify(password_hash or _decoy_hash(), password)
        except (VerificationError, InvalidHashError):
            return False
    return password_hash is not None


def is_outdated(password_hash: str) -> bool:
    """Tell whether a hash was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(password_hash)


def password_problem(password: str, email: str = "") -> str | None:
    """Explain in a sentence why this cannot be a password; None if it can."""
    if len(password) < SHORTEST:
        return _("Use at least %(count)d characters.", count=SHORTEST)
    if len(password) > LONGEST:
        return _("Use at most %(count)d characters.", count=LONGEST)
    if "\0" in password:
        return _("A password can't contain a NUL character.")
    if password.strip().lower() == email.lower():
        return _("Your email address is too easy to guess.")
    return None


@cache
def _decoy_hash() -> str:
    """A hash that no password matches, for accounts without a password."""
    return _hasher.hash("\0nobody")

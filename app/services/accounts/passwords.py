"""Passwords: argon2id, with the parameters that RFC 9106 recommends where memory is not plentiful."""

from __future__ import annotations

import threading
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from flask_babel import gettext as _

SHORTEST, LONGEST = 10, 200

_hasher = PasswordHasher()
# A check takes 64 MB and a tenth of a second of a core: a burst of sign-ins must queue, not exhaust the machine.
_few_at_once = threading.BoundedSemaphore(4)


def hash_password(password: str) -> str:
    """The argon2id hash to keep."""
    with _few_at_once:
        return _hasher.hash(password)


def matches(password: str, kept: str | None) -> bool:
    """Whether the password belongs to the kept hash; takes as long where there is none."""
    with _few_at_once:
        try:
            _hasher.verify(kept or _decoy_hash(), password)
        except (VerificationError, InvalidHashError):
            return False
    return kept is not None


def is_outdated(kept: str) -> bool:
    """Whether the hash was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(kept)


def password_problem(password: str, email: str = "") -> str | None:
    """Why this cannot be a password, as a sentence; None when it can."""
    if len(password) < SHORTEST:
        return _("Use at least %(count)d characters.", count=SHORTEST)
    if len(password) > LONGEST:
        return _("Use at most %(count)d characters.", count=LONGEST)
    if "\0" in password:
        return _("A password cannot hold a NUL character.")
    if password.strip().lower() == email.lower():
        return _("Your email address is too easy to guess.")
    return None


@cache
def _decoy_hash() -> str:
    """A hash that no password matches in practice, for accounts that have none."""
    return _hasher.hash("\0nobody")

"""Hashes and checks passwords: argon2id, with the low-memory parameters of RFC 9106."""

from __future__ import annotations

import os
import sys
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, wraps
from typing import ParamSpec, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from flask_babel import gettext as _

from app.services.accounts import common_passwords
from app.services.base.errors import Busy

SHORTEST, LONGEST = 10, 200

_hasher = PasswordHasher()
# How much later the kernel serves threads that hash than those that answer requests.
NICENESS = 5


def _lower_thread_priority() -> None:
    """Let the threads that answer requests have the processor first."""
    if sys.platform == "linux":  # Elsewhere it would slow the whole process down.
        # Added to the niceness of the server, which may not be lowered.
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + NICENESS)


# A check takes 64 MB and 100 ms of a core, so a burst of sign-ins queues for half of the cores.
_hashers = ThreadPoolExecutor(
    max(1, (os.cpu_count() or 1) // 2), "passwords", initializer=_lower_thread_priority
)
# People who may wait for a check. Each holds one of the server's threads.
MAX_WAITING = 20
_slots = threading.BoundedSemaphore(MAX_WAITING)
Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")


def limit_concurrency(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Decorate a service that hashes: beyond `MAX_WAITING` at once it raises `Busy` before it does anything."""

    @wraps(function)
    def with_slot(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        if not _slots.acquire(blocking=False):
            raise Busy(_("Many people are signing in at this moment. Try again in a few seconds."))
        try:
            return function(*args, **kwargs)
        finally:
            _slots.release()

    return with_slot


def hash_password(password: str) -> str:
    """Hash a password with argon2id."""
    return _hashers.submit(_hasher.hash, _normalize(password)).result()


def matches(password: str, password_hash: str | None) -> bool:
    """Check a password against a hash. Takes the same time when there is no hash."""
    if len(password) > LONGEST:  # No account has one, and normalizing two megabytes takes seconds.
        password, password_hash = "", None
    # Older hashes are of the password as it was typed.
    forms = dict.fromkeys((_normalize(password), password))
    is_right = any(_verify(form, password_hash or _decoy_hash()) for form in forms)
    return is_right and password_hash is not None


def is_outdated(password_hash: str, password: str) -> bool:
    """Whether a hash was made with weaker parameters than today's, or of the password as it was typed."""
    normalized = _normalize(password)
    return _hasher.check_needs_rehash(password_hash) or (
        normalized != password and not _verify(normalized, password_hash)
    )


def password_problem(password: str, *, email: str = "", name: str = "") -> str | None:
    """Explain in a sentence why this cannot be a password; None if it can.

    Args:
        email, name: of its owner, whose own words are easy to guess.
    """
    if len(password) < SHORTEST:
        return _("Use at least %(count)d characters.", count=SHORTEST)
    if len(password) > LONGEST:
        return _("Use at most %(count)d characters.", count=LONGEST)
    if "\0" in password:
        return _("A password can't contain a NUL character.")
    return common_passwords.weakness(_normalize(password), email=email, name=name)


def _normalize(password: str) -> str:
    """NFKC: keyboards and systems write the same letter in different ways (RFC 8265, 4.2)."""
    return unicodedata.normalize("NFKC", password)


def _verify(password: str, password_hash: str) -> bool:
    try:
        return _hashers.submit(_hasher.verify, password_hash, password).result()
    except (VerificationError, InvalidHashError, UnicodeEncodeError):
        return False


@cache
def _decoy_hash() -> str:
    """Return a hash that no password matches, for accounts without a password."""
    return hash_password("\0nobody")

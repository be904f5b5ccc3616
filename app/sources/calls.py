"""Calls in one form for every system, and safe access to JSON of unknown shape."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Document = Mapping[str, Any]
# A fact about a schedule names each of its interviews: `schedule:s1` has `interview:i1`.
SCHEDULE, INTERVIEW = "schedule:", "interview:"
# Two megabytes can hold a million small values, each fifty times as large in Python.
MAX_VALUES = 50_000


@dataclass(frozen=True)
class CallInfo:
    """The envelope of a call.

    Args:
        id: the same for every repetition of the call.
        occurred_at: when it happened, as written in the body.
        subject: the booking that it is about.
        replaces: the booking that this one takes the place of.
    """

    id: str
    action: str
    occurred_at: str = ""
    is_ping: bool = False
    subject: str = ""
    replaces: str = ""


@dataclass(frozen=True)
class Person:
    """A person that a call names, by email address or by an id of the other system."""

    key: str
    name: str = ""


@dataclass(frozen=True)
class SourceEvent:
    """An event of Bellhop that a call reports.

    Args:
        type: the event type. A booking is `interview.scheduled`, whether it is new or was moved.
        key: identifies the happening among all calls of the source; calls with the same key become one event.
        data: the fields of the event that the call has. An interview's `id` is the other system's.
        people: who is to be notified.
        about: the names under which earlier calls may have told what is missing in `data`.
        has_recipients: whether exactly these people are meant, and no followers.
    """

    type: str
    key: str
    data: dict[str, Any]
    people: tuple[Person, ...] = ()
    about: tuple[str, ...] = ()
    has_recipients: bool = False


@dataclass(frozen=True)
class MappedCall:
    """The meaning of a call: events, and facts to remember, keyed by what they are about (`application:a1`)."""

    events: list[SourceEvent] = field(default_factory=list)
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Lookup:
    """A request to the API of the other system. It is sent as JSON, signed in with the API key as the user name."""

    method: str
    path: str
    body: dict[str, Any] = field(default_factory=dict)


def has_too_many_values(body: bytes) -> bool:
    """Whether this JSON has more than `MAX_VALUES` values, which would take much memory to decode."""
    return sum(map(body.count, (b",", b"[", b"{"))) > MAX_VALUES


def hex_signature(secret: str, message: bytes) -> str:
    """Sign a message with HMAC-SHA-256, in hex."""
    return hmac.digest(secret.encode(), message, "sha256").hex()


def is_signed(given: str, expected: Iterable[str]) -> bool:
    """Compare a signature with those of all accepted secrets, in constant time."""
    # Every comparison is made, so that the time does not tell which secret matched.
    matches = [hmac.compare_digest(given.encode("utf-8", "replace"), each.encode()) for each in expected]
    return any(matches)


def is_recent(seconds: float, now: datetime, most: int) -> bool:
    """Whether a Unix time is at most this many seconds away."""
    return abs(now.timestamp() - seconds) <= most


def digest(*parts: str) -> str:
    """An id for a call that has none."""
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()


def pick(value: Any, *path: str | int) -> Any:
    """Follow names and positions into nested JSON; None where something is missing or of another type."""
    for step in path:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and len(value) > step else None
        else:
            value = value.get(step) if isinstance(value, Mapping) else None
    return value


def text(value: Any, *path: str | int) -> str:
    """The text or number at a path, as text; empty if there is none."""
    found = pick(value, *path)
    if isinstance(found, bool) or not isinstance(found, str | int):
        return ""
    return str(found).strip()


def entries(value: Any, *path: str | int) -> list[Any]:
    """The objects of the list at a path."""
    found = pick(value, *path)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def full_name(person: Any, first: str = "first_name", last: str = "last_name") -> str:
    """A person's first and last name."""
    return f"{text(person, first)} {text(person, last)}".strip()


def people(*found: Person | None) -> tuple[Person, ...]:
    """The people with a key, each once, in order."""
    by_key: dict[str, Person] = {}
    for person in found:
        if person is not None and person.key:
            by_key.setdefault(person.key.lower(), person)
    return tuple(by_key.values())


def known(**values: Any) -> dict[str, Any]:
    """The values that are not empty."""
    return {name: value for name, value in values.items() if value not in ("", None, False, [])}

"""Notifications of one type about the same thing on one day: they stand as one row that opens."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2s
from typing import Any

from sqlalchemy import ColumnElement, exists, func, literal_column, or_, select, tuple_
from sqlalchemy.sql.util import ClauseAdapter

from app import catalog
from app.database.base import Base, db
from app.models import Notification
from app.rendering.dates import zone

N = Notification
Clauses = Sequence[ColumnElement[bool]]
# What a sender may write into `metadata` to say what a notification is about; the first that is there counts.
SUBJECTS = ("upload_id", "batch_id", "interview_id", "job_id")
# Written out, not as a parameter: only then does the database know that the partial index will do.
_IS_STACKED = N.stack_key != literal_column("''")


@dataclass(frozen=True)
class Stack:
    """How many of a list stand in one row, and what is true of some of them."""

    key: str
    count: int
    unread: int
    is_saved: bool


def subject_of(
    notification_type: str,
    facts: Mapping[str, Any],
    metadata: Mapping[str, Any] | None = None,
    named: Any = None,
) -> str:
    """What a notification is about; "" where nothing says so, which stands alone.

    Args:
        facts: what is known of it: an event's data, and its `source`.
        named: what its sender says that it is about (`subject` of a CloudEvent, 1.0).
    """
    told = [value for name in SUBJECTS if (value := (metadata or {}).get(name))][:1] or [named] * bool(named)
    names = catalog.TYPES[notification_type].stacks_by
    if not told and names and all(facts.get(name) for name in names):
        told = [facts[name] for name in names]
    return "\n".join(map(str, told))


def stack_key(notification_type: str, about: str, at: datetime, time_zone: str) -> str:
    """What the rows of a stack share; "" for one that stands alone. It is fit for an address and for an id of a page.

    Args:
        about: see `subject`.
        at, time_zone: when it comes into the inbox, and on whose clock: the list is read by days.
    """
    if not about:
        return ""
    digest = blake2s(about.encode("utf-8", "replace"), digest_size=8).hexdigest()
    return f"{notification_type}-{digest}-{at.astimezone(zone(time_zone)):%y%m%d}"


def only_heads(clauses: Clauses, *, rises: bool = False) -> ColumnElement[bool]:
    """Narrows a list to one row a stack, the one that comes first.

    Args:
        clauses: all that make up the list.
        rises: whether it is read from the earliest on.
    """
    rival = Base.metadata.tables["notifications"].alias("rival")
    of_rival = ClauseAdapter(rival)
    other, own = tuple_(rival.c.surfaced_at, rival.c.id), tuple_(N.surfaced_at, N.id)
    inside = [of_rival.traverse(clause) for clause in (*clauses, _IS_STACKED)]
    return or_(
        N.stack_key == "",
        ~exists()
        .where(rival.c.stack_key == N.stack_key, other < own if rises else other > own, *inside)
        .correlate(N),
    )


def load_stacks(clauses: Clauses, keys: Collection[str]) -> dict[str, Stack]:
    """The stacks of more than one row among these, as far as the list shows them; one query."""
    if not keys:
        return {}
    columns = (
        N.stack_key,
        func.count(),
        func.count().filter(N.read_at.is_(None)),
        func.count().filter(N.saved_at.is_not(None)),
    )
    rows = db.session.execute(
        select(*columns).where(*clauses, _IS_STACKED, N.stack_key.in_(sorted(keys))).group_by(N.stack_key)
    )
    return {name: Stack(name, count, unread, saved > 0) for name, count, unread, saved in rows if count > 1}

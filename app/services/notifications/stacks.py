"""Stacks: notifications of one type about the same subject on one day, shown as one row that expands."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2s
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, exists, func, literal_column, or_, select, tuple_
from sqlalchemy.sql.util import ClauseAdapter

from app import catalog
from app.database.base import Base, db
from app.models import Notification
from app.rendering.dates import zone

# Keys of `metadata` by which a sender names the subject; the first one present counts.
SUBJECTS = ("upload_id", "batch_id", "interview_id", "job_id")
# Two jobs may have the same title: where there is an id, it identifies the subject.
IDS = {"candidate_name": "candidate_id", "job_title": "job_id"}
# A literal, not a parameter: otherwise the planner cannot use the partial index.
_IS_STACKED = Notification.stack_key != literal_column("''")


@dataclass(frozen=True)
class Stack:
    """The rows of a list that are shown as one: how many, how many unread, and whether any is saved."""

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
    """Find out what a notification is about; empty if unknown, and then it is not stacked.

    Args:
        facts: the event's data, and its `source`.
        metadata: the sender's own data, searched for `SUBJECTS`.
        named: the subject that the sender named (`subject` of a CloudEvent, 1.0).
    """
    for name in SUBJECTS:
        if value := (metadata or {}).get(name):
            return str(value)
    if named:
        return str(named)
    names = catalog.TYPES[notification_type].stacks_by
    if all(facts.get(name) for name in names):
        return "\n".join(str(facts.get(IDS.get(name, "")) or facts[name]) for name in names)
    return ""


def stack_key(notification_type: str, about: str, at: datetime, time_zone: str) -> str:
    """Build the key that the rows of a stack share, safe for URLs and ids; empty for a row that is not stacked.

    Args:
        about: see `subject_of`.
        at, time_zone: when the notification surfaces, and the reader's clock: stacks do not span days.
    """
    if not about:
        return ""
    digest = blake2s(about.encode("utf-8", "replace"), digest_size=8).hexdigest()
    return f"{notification_type}-{digest}-{at.astimezone(zone(time_zone)):%y%m%d}"


def only_heads(
    clauses: Collection[ColumnElement[bool]], *, is_ascending: bool = False
) -> ColumnElement[bool]:
    """Build the condition that narrows a list to one row per stack, its first.

    Args:
        clauses: all conditions of the list.
        is_ascending: the list is read from the earliest row on.
    """
    rival = Base.metadata.tables["notifications"].alias("rival")
    of_rival = ClauseAdapter(rival)
    other_key = tuple_(rival.c.surfaced_at, rival.c.id)
    own_key = tuple_(Notification.surfaced_at, Notification.id)
    precedes = other_key < own_key if is_ascending else other_key > own_key
    is_in_list = [of_rival.traverse(clause) for clause in (*clauses, _IS_STACKED)]
    has_predecessor = (
        exists()
        .where(rival.c.stack_key == Notification.stack_key, precedes, *is_in_list)
        .correlate(Notification)
    )
    return or_(Notification.stack_key == "", ~has_predecessor)


def select_stacks(clauses: Collection[ColumnElement[bool]]) -> Select[Any]:
    """Select the stacks of a list by their `keys`, a parameter of the statement, for `load_stacks`."""
    columns: tuple[Any, ...] = (
        Notification.stack_key,
        func.count(),
        func.count().filter(Notification.read_at.is_(None)),
        func.count().filter(Notification.saved_at.is_not(None)),
    )
    is_wanted = Notification.stack_key.in_(bindparam("keys", expanding=True))
    return select(*columns).where(*clauses, _IS_STACKED, is_wanted).group_by(Notification.stack_key)


def load_stacks(statement: Select[Any], values: Mapping[str, Any]) -> dict[str, Stack]:
    """Load the stacks that have more than one row in the list, in one query."""
    rows = db.session.execute(statement, values)
    return {name: Stack(name, count, unread, saved > 0) for name, count, unread, saved in rows if count > 1}

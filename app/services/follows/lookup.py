"""Finds who follows or mutes what a notification is about."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import bindparam, or_, select

from app.database.base import Base, db
from app.database.compiled import CompiledStatement, is_among

# Of subjects, the most specific first.
KINDS = ("candidate", "job", "type")
# For up to this many people, load their mutes by id; for more, load everyone who mutes a subject.
FEW = 500
_FOLLOWS, _USERS = (Base.metadata.tables[name] for name in ("follows", "users"))
_NOW = bindparam("now", type_=_FOLLOWS.c.until.type)
_IS_CURRENT = or_(_FOLLOWS.c.until.is_(None), _FOLLOWS.c.until > _NOW)
_ROWS = select(_FOLLOWS.c.user_id, _FOLLOWS.c.subject).where(_IS_CURRENT)
_MUTES = _ROWS.where(_FOLLOWS.c.mode == "mute")
_MUTES_OF = CompiledStatement(lambda: _MUTES.where(is_among(_FOLLOWS.c.user_id, "user_ids")))
_MUTES_OF_SUBJECTS = _MUTES.where(_FOLLOWS.c.subject.in_(bindparam("subjects", expanding=True)))
_FOLLOWERS = (
    _ROWS.join(_USERS, _USERS.c.id == _FOLLOWS.c.user_id)
    .where(_FOLLOWS.c.mode == "follow", _FOLLOWS.c.subject.in_(bindparam("subjects", expanding=True)))
    .where(_USERS.c.is_enabled)
)

Mutes = Collection[tuple[int, str]]


def list_subjects(candidate_id: str | None, job_id: str | None, notification_type: str | None) -> list[str]:
    """List the subjects of a candidate, a job and a notification type, the most specific first."""
    keys = zip(KINDS, (candidate_id, job_id, notification_type), strict=True)
    return [f"{kind}:{key}" for kind, key in keys if key]


def find_mutes(user_ids: Sequence[int], subjects: Sequence[str], now: datetime) -> Mutes:
    """Find which of these subjects these people have muted now; the result may contain further mutes."""
    if not user_ids:
        return set()
    if len(user_ids) <= FEW:
        return find_mutes_of(user_ids, now)
    rows = db.session.execute(_MUTES_OF_SUBJECTS, {"subjects": list(subjects), "now": now})
    return {(row.user_id, row.subject) for row in rows}


def find_mutes_of(user_ids: Sequence[int], now: datetime) -> Mutes:
    """Find everything that these people have muted now."""
    return {(row.user_id, row.subject) for row in _MUTES_OF.fetch(user_ids=list(user_ids), now=now)}


def find_mute(user_id: int, subjects: Sequence[str], mutes: Mutes) -> str | None:
    """Find the first of the subjects that a person has muted, among the mutes that were loaded."""
    return next((subject for subject in subjects if (user_id, subject) in mutes), None)


def find_followers(subjects: Sequence[str], now: datetime) -> dict[int, str]:
    """Find the active people who follow one of these subjects now.

    Returns:
        By user id, the first of the subjects that the person follows.
    """
    if not subjects:
        return {}
    rows = list(db.session.execute(_FOLLOWERS, {"subjects": list(subjects), "now": now}))
    order = {subject: position for position, subject in enumerate(subjects)}
    # The last one wins in a dict.
    rows.sort(key=lambda row: order[row.subject], reverse=True)
    return {row.user_id: row.subject for row in rows}

"""What a person does to notifications: one statement however many rows, and each can be undone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import (
    ColumnElement,
    Select,
    Subquery,
    Text,
    bindparam,
    case,
    cast,
    column,
    delete,
    func,
    select,
    text,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute

from app.clock import utc_now
from app.database.base import Base, db
from app.database.compiled import CompiledStatement
from app.database.sqlite import lock_for_writing
from app.database.writing import BULK
from app.models import Notification, NotificationChange, User
from app.services.base.errors import NotFound

N = Notification
UNDO_FOR = timedelta(minutes=10)
USERS = Base.metadata.tables["users"]
_SELECTED = USERS.c.id.in_(bindparam("some", expanding=True))
# No more than the update needs: rows that refer to these people were written before in the same transaction, and hold
# their keys. Two that both held them and both wanted all of the row would wait for each other.
_LOCK_SELECTED = select(USERS.c.id).where(_SELECTED).order_by(USERS.c.id).with_for_update(key_share=True)
_BUMP = update(USERS).values(inbox_version=USERS.c.inbox_version + 1)
_BUMP_SELECTED = _BUMP.where(_SELECTED)
_BUMP_ONE = CompiledStatement(_BUMP.where(USERS.c.id == bindparam("one")))


@dataclass(frozen=True)
class Action:
    """Which rows an action changes, and what it writes into them."""

    applies: ColumnElement[bool]
    writes: dict[InstrumentedAttribute[Any], Any]


def _actions(now: datetime, until: datetime | None) -> dict[str, Action]:
    waiting = case((N.sent_at.is_not(None), "sent"), else_="pending")
    # Whatever was put off and is taken up before its time stands where it was taken up.
    shown_now = case((N.snoozed_until.is_not(None), now), else_=N.surfaced_at)
    return {
        "read": Action(N.read_at.is_(None), {N.read_at: now, N.status: "read"}),
        "unread": Action(N.read_at.is_not(None), {N.read_at: None, N.status: waiting}),
        "done": Action(
            N.archived_at.is_(None),
            {
                N.archived_at: now,
                N.read_at: func.coalesce(N.read_at, now),
                N.status: "read",
                N.surfaced_at: shown_now,
                N.snoozed_until: None,
            },
        ),
        "undone": Action(N.archived_at.is_not(None), {N.archived_at: None}),
        "snooze": Action(
            N.surfaced_at.is_not(None),
            {
                N.snoozed_until: until,
                N.surfaced_at: until,
                N.read_at: None,
                N.archived_at: None,
                N.status: waiting,
            },
        ),
        "unsnooze": Action(N.snoozed_until.is_not(None), {N.surfaced_at: now, N.snoozed_until: None}),
        "saved": Action(N.saved_at.is_(None), {N.saved_at: now}),
        "unsaved": Action(N.saved_at.is_not(None), {N.saved_at: None}),
    }


# The columns an undo brings back, in the order in which `NotificationChange.before` lists them after the id.
RESTORED = ("status", "read_at", "archived_at", "saved_at", "snoozed_until", "surfaced_at")

# The ids kept in a change, and the way back from it, in each database's own JSON functions.
CHANGED_IDS = {
    "sqlite": "SELECT json_extract(value, '$[0]') FROM json_each(:before)",
    "postgresql": "SELECT (value->>0)::bigint FROM json_array_elements(CAST(:before AS json))",
}
# The plus keeps SQLite from walking the person's whole index once for every restored row.
RESTORE = {
    "sqlite": """
        UPDATE notifications SET status = json_extract(was.value, '$[1]'),
            read_at = json_extract(was.value, '$[2]'), archived_at = json_extract(was.value, '$[3]'),
            saved_at = json_extract(was.value, '$[4]'), snoozed_until = json_extract(was.value, '$[5]'),
            surfaced_at = json_extract(was.value, '$[6]')
        FROM json_each(:before) AS was
        WHERE notifications.id = json_extract(was.value, '$[0]') AND +recipient_id = :user""",
    "postgresql": """
        UPDATE notifications SET status = was.value->>1,
            read_at = (was.value->>2)::timestamptz, archived_at = (was.value->>3)::timestamptz,
            saved_at = (was.value->>4)::timestamptz, snoozed_until = (was.value->>5)::timestamptz,
            surfaced_at = (was.value->>6)::timestamptz
        FROM json_array_elements(CAST(:before AS json)) AS was
        WHERE notifications.id = (was.value->>0)::bigint AND recipient_id = :user""",
}


def change(
    user: User,
    action: str,
    wanted: Sequence[ColumnElement[bool]],
    now: datetime,
    until: datetime | None = None,
) -> NotificationChange:
    """Do something to the rows that meet the conditions; `notifications.change` is the way in."""
    what = _actions(now, until)[action]
    made = NotificationChange(user_id=user.id, action=action, count=0, before="[]", made_at=now)
    lock_for_writing()
    # Locked before they are written down: what undo restores is what this change found.
    rows = (
        select(N.id, *(getattr(N, name) for name in RESTORED)).where(*wanted, what.applies).with_for_update()
    )
    made.count, before = db.session.execute(_record_change(rows.subquery())).one()
    if made.count:
        made.before = before
        changed = text(CHANGED_IDS[_dialect()]).bindparams(before=before).columns(column("id"))
        db.session.execute(update(N).where(N.id.in_(changed)).values(what.writes), execution_options=BULK)
        bump_inbox_versions([user.id])
        db.session.add(made)
    db.session.commit()
    return made


def undo(user: User, change_id: int, now: datetime | None = None) -> NotificationChange:
    """Bring back exactly what a change found.

    Returns:
        The change. Undoing it again changes nothing.
    Raises:
        NotFound: this person made no such change, or made it more than ten minutes ago.
    """
    now = now or utc_now()
    lock_for_writing()
    made = db.session.scalar(
        select(NotificationChange)
        .where(
            NotificationChange.id == change_id,
            NotificationChange.user_id == user.id,
            NotificationChange.made_at > now - UNDO_FOR,
        )
        .with_for_update()
    )
    if made is None:
        db.session.rollback()
        raise NotFound(_("This can no longer be undone."))
    if made.undone_at is None:
        db.session.execute(text(RESTORE[_dialect()]), {"before": made.before, "user": user.id})
        made.undone_at = now
        bump_inbox_versions([user.id])
    db.session.commit()
    return made


def latest_change(made: NotificationChange, now: datetime | None = None) -> tuple[datetime, int] | None:
    """Which row of a change stands on top of a list now: when it surfaced, and its id."""
    changed = text(CHANGED_IDS[_dialect()]).bindparams(before=made.before).columns(column("id"))
    rows = select(N.surfaced_at, N.id).where(N.id.in_(changed), N.surfaced_at <= (now or utc_now()))
    row = db.session.execute(rows.order_by(N.surfaced_at.desc(), N.id.desc()).limit(1)).first()
    return (row.surfaced_at, row.id) if row else None


def purge_undo_history(now: datetime | None = None) -> int:
    """Drop what can no longer be undone; answers how many changes."""
    old = NotificationChange.made_at < (now or utc_now()) - UNDO_FOR
    count = db.session.execute(delete(NotificationChange).where(old)).rowcount  # type: ignore[attr-defined]
    db.session.commit()
    return int(count)


def bump_inbox_versions(user_ids: Iterable[int]) -> None:
    """Record, in the caller's transaction, that these people's inboxes changed: open pages and pollers compare it."""
    # Sorted: two events locking the same users crosswise would deadlock.
    ids = sorted(set(user_ids))
    if len(ids) == 1:
        _BUMP_ONE.fetch(one=ids[0])
        return
    connection = db.session.connection()
    for start in range(0, len(ids), 500):
        some = {"some": ids[start : start + 500]}
        connection.execute(_LOCK_SELECTED, some)
        connection.execute(_BUMP_SELECTED, some)


def _record_change(rows: Subquery) -> Select[int, str]:
    if _dialect() == "sqlite":
        return select(func.count(), func.json_group_array(func.json_array(*rows.c)))
    return select(func.count(), cast(func.json_agg(func.json_build_array(*rows.c)), Text))


def _dialect() -> str:
    return db.engine.dialect.name

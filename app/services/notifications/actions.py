"""Actions on a person's notifications: one UPDATE however many rows, and each action can be undone."""

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
    and_,
    bindparam,
    case,
    cast,
    column,
    delete,
    false,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute

from app.clock import utc_now
from app.database.base import Base, db
from app.database.compiled import CompiledStatement
from app.database.writing import BULK, writing
from app.models import Notification, NotificationChange, User
from app.services.base.errors import Invalid, NotFound
from app.services.notifications import inbox
from app.services.notifications.filters import Filters, conditions, visible_to

# How many notifications or stacks a change may name. Filters have no limit.
MAX_NAMED = 10_000
UNDO_FOR = timedelta(minutes=10)
USERS = Base.metadata.tables["users"]
CHUNK = 500
_SELECTED = USERS.c.id.in_(bindparam("ids", expanding=True))
# FOR NO KEY UPDATE is all that the update needs. Rows inserted before in the same transaction refer to these people and
# hold their keys: two transactions that both asked for the whole row would deadlock.
_LOCK_SELECTED = select(USERS.c.id).where(_SELECTED).order_by(USERS.c.id).with_for_update(key_share=True)
_BUMP = update(USERS).values(inbox_version=USERS.c.inbox_version + 1)
_BUMP_SELECTED = _BUMP.where(_SELECTED)
_BUMP_ONE = CompiledStatement(_BUMP.where(USERS.c.id == bindparam("one")))


@dataclass(frozen=True)
class Action:
    """Which rows an action changes, and the values it writes into them."""

    applies_to: ColumnElement[bool]
    values: dict[InstrumentedAttribute[Any], Any]


def _actions(now: datetime, until: datetime | None) -> dict[str, Action]:
    status_when_unread = case((Notification.sent_at.is_not(None), "sent"), else_="pending")
    # A snoozed notification that is dealt with early surfaces at that moment.
    surfaced_at = case((Notification.snoozed_until.is_not(None), now), else_=Notification.surfaced_at)
    return {
        "read": Action(
            Notification.read_at.is_(None), {Notification.read_at: now, Notification.status: "read"}
        ),
        "unread": Action(
            Notification.read_at.is_not(None),
            {Notification.read_at: None, Notification.status: status_when_unread},
        ),
        "done": Action(
            Notification.archived_at.is_(None),
            {
                Notification.archived_at: now,
                Notification.read_at: func.coalesce(Notification.read_at, now),
                Notification.status: "read",
                Notification.surfaced_at: surfaced_at,
                Notification.snoozed_until: None,
            },
        ),
        "undone": Action(Notification.archived_at.is_not(None), {Notification.archived_at: None}),
        "snooze": Action(
            Notification.surfaced_at.is_not(None),
            {
                Notification.snoozed_until: until,
                Notification.surfaced_at: until,
                Notification.read_at: None,
                Notification.archived_at: None,
                Notification.status: status_when_unread,
            },
        ),
        "unsnooze": Action(
            Notification.snoozed_until.is_not(None),
            {Notification.surfaced_at: now, Notification.snoozed_until: None},
        ),
        "saved": Action(Notification.saved_at.is_(None), {Notification.saved_at: now}),
        "unsaved": Action(Notification.saved_at.is_not(None), {Notification.saved_at: None}),
    }


# The columns that undo restores, in the order in which `NotificationChange.before` lists them after the id.
RESTORED = ("status", "read_at", "archived_at", "saved_at", "snoozed_until", "surfaced_at")

# The ids in a stored change, and the UPDATE that restores it, in each database's JSON functions.
CHANGED_IDS = {
    "sqlite": "SELECT json_extract(value, '$[0]') FROM json_each(:before)",
    "postgresql": "SELECT (value->>0)::bigint FROM json_array_elements(CAST(:before AS json))",
}
# The plus stops SQLite from walking the person's whole index once for every restored row.
RESTORE = {
    "sqlite": """
        UPDATE notifications SET status = json_extract(earlier.value, '$[1]'),
            read_at = json_extract(earlier.value, '$[2]'), archived_at = json_extract(earlier.value, '$[3]'),
            saved_at = json_extract(earlier.value, '$[4]'), snoozed_until = json_extract(earlier.value, '$[5]'),
            surfaced_at = json_extract(earlier.value, '$[6]')
        FROM json_each(:before) AS earlier
        WHERE notifications.id = json_extract(earlier.value, '$[0]') AND +recipient_id = :user""",
    "postgresql": """
        UPDATE notifications SET status = earlier.value->>1,
            read_at = (earlier.value->>2)::timestamptz, archived_at = (earlier.value->>3)::timestamptz,
            saved_at = (earlier.value->>4)::timestamptz, snoozed_until = (earlier.value->>5)::timestamptz,
            surfaced_at = (earlier.value->>6)::timestamptz
        FROM json_array_elements(CAST(:before AS json)) AS earlier
        WHERE notifications.id = (earlier.value->>0)::bigint AND recipient_id = :user""",
}


def change(
    user: User,
    action: str,
    *,
    ids: Sequence[int] | None = None,
    filters: Filters | None = None,
    stack_keys: Sequence[str] = (),
    until: datetime | None = None,
    now: datetime | None = None,
) -> NotificationChange:
    """Apply an action to some of a person's notifications.

    Args:
        action: `read`, `unread`, `done`, `undone`, `saved`, `unsaved`, `snooze` or `unsnooze`.
        ids: the notifications; ids of other people or of rows that need no change are skipped.
        filters: instead of ids: all that match, beyond the page too.
        stack_keys: with ids: also all of these stacks that match the filters.
        until: for `snooze`: when the notification returns as unread; see `snooze`.
    Returns:
        The change. `count` is how many rows changed; `id` undoes it, and is None if none did.
    Raises:
        KeyError: there is no such action.
        Invalid: the snooze does not end in the future, keyed `until`; too many ids, keyed `notification_ids`.
    """
    now = now or utc_now()
    if len(ids or ()) > MAX_NAMED or len(stack_keys) > MAX_NAMED:
        raise Invalid({"notification_ids": _("Select at most %(most)s notifications.", most=MAX_NAMED)})
    if action == "snooze" and (until is None or until <= now):
        raise Invalid({"until": _("Choose a time that is still to come.")})
    wanted = conditions(user, filters, now) if filters else []
    if ids is not None:
        is_selected = Notification.id.in_([number for number in ids if 0 < number < 2**63])
        is_in_stack = and_(Notification.stack_key.in_(stack_keys), *wanted) if stack_keys else false()
        wanted = [*visible_to(user, now), or_(is_selected, is_in_stack)]
    return change_matching(user, action, wanted, now, until)


def change_matching(
    user: User,
    action: str,
    wanted: Sequence[ColumnElement[bool]],
    now: datetime,
    until: datetime | None = None,
) -> NotificationChange:
    """Apply an action to the rows that meet these conditions, which include their owner. See `change`."""
    spec = _actions(now, until)[action]
    made = NotificationChange(user_id=user.id, action=action, count=0, before="[]", made_at=now)
    columns = (getattr(Notification, name) for name in RESTORED)
    with writing():
        # Locked before they are recorded: undo restores what this change found.
        rows = select(Notification.id, *columns).where(*wanted, spec.applies_to).with_for_update()
        made.count, before = db.session.execute(_record_change(rows.subquery())).one()
        if made.count:
            made.before = before
            changed_ids = text(CHANGED_IDS[_dialect()]).bindparams(before=before).columns(column("id"))
            db.session.execute(
                update(Notification).where(Notification.id.in_(changed_ids)).values(spec.values),
                execution_options=BULK,
            )
            bump_inbox_versions([user.id])
            db.session.add(made)
    return made


def undo(user: User, change_id: int, now: datetime | None = None) -> NotificationChange:
    """Restore exactly what a change found.

    Returns:
        The change. Undoing it again changes nothing.
    Raises:
        NotFound: this person made no such change, or made it more than ten minutes ago.
    """
    now = now or utc_now()
    with writing():
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
            raise NotFound(_("This can no longer be undone."))
        if made.undone_at is None:
            db.session.execute(text(RESTORE[_dialect()]), {"before": made.before, "user": user.id})
            made.undone_at = now
            bump_inbox_versions([user.id])
    return made


def mark_notification_as_read(notification_id: int, user: User) -> Notification:
    """Mark one notification as read; doing it again changes nothing.

    Raises:
        NotFound: this person has no such notification.
    """
    row = inbox.get(user, notification_id)
    if row.read_at is None:
        change(user, "read", ids=[row.id])
        db.session.refresh(row)
    return row


def topmost_changed(made: NotificationChange, now: datetime | None = None) -> tuple[datetime, int] | None:
    """Find the row of a change that is first in a list now: its `surfaced_at` and id."""
    changed_ids = text(CHANGED_IDS[_dialect()]).bindparams(before=made.before).columns(column("id"))
    row = db.session.execute(
        select(Notification.surfaced_at, Notification.id)
        .where(Notification.id.in_(changed_ids), Notification.surfaced_at <= (now or utc_now()))
        .order_by(Notification.surfaced_at.desc(), Notification.id.desc())
        .limit(1)
    ).first()
    return (row.surfaced_at, row.id) if row else None


def purge_undo_history(now: datetime | None = None) -> int:
    """Delete the changes that can no longer be undone, and commit. Returns how many."""
    old = NotificationChange.made_at < (now or utc_now()) - UNDO_FOR
    count = db.session.execute(delete(NotificationChange).where(old)).rowcount  # type: ignore[attr-defined]
    db.session.commit()
    return int(count)


def bump_inbox_versions(user_ids: Iterable[int]) -> None:
    """Record, in the caller's transaction, that these people's inboxes changed: open pages and pollers compare it."""
    # Sorted: two events that lock the same people crosswise would deadlock.
    ids = sorted(set(user_ids))
    if len(ids) == 1:
        _BUMP_ONE.fetch(one=ids[0])
        return
    connection = db.session.connection()
    for start in range(0, len(ids), CHUNK):
        chunk = {"ids": ids[start : start + CHUNK]}
        connection.execute(_LOCK_SELECTED, chunk)
        connection.execute(_BUMP_SELECTED, chunk)


def _record_change(rows: Subquery) -> Select[int, str]:
    if _dialect() == "sqlite":
        return select(func.count(), func.json_group_array(func.json_array(*rows.c)))
    return select(func.count(), cast(func.json_agg(func.json_build_array(*rows.c)), Text))


def _dialect() -> str:
    return db.engine.dialect.name

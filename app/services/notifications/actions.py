"""Actions on a person's notifications: one UPDATE however many rows, and each action can be undone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import (
    ColumnElement,
    and_,
    bindparam,
    case,
    false,
    func,
    insert,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute

from app.clock import utc_now
from app.database.base import Base, db
from app.database.compiled import CompiledStatement
from app.database.writing import BULK, writing
from app.models import Notification, NotificationChange
from app.row_ids import MAX_ID
from app.services.base.errors import Invalid
from app.services.notifications import counts, inbox, inbox_version, undo
from app.services.notifications.conditions import Now, conditions_for_place
from app.services.notifications.filters import NOW, USER_ID, Filters, InboxReader, matching, visible_to
from app.services.subscriptions import calls

# How many notifications or stacks a change may name. Filters have no limit.
MAX_NAMED = 10_000
NOTIFICATIONS, CHANGES = (Base.metadata.tables[name] for name in ("notifications", "notification_changes"))
_ONE = bindparam("one", type_=Notification.id.type)
_INSERT_CHANGE = CompiledStatement(insert(CHANGES).returning(CHANGES.c.id), set(CHANGES.c.keys()) - {"id"})

# Actions that mark as read.
READING = frozenset({"read", "done"})
# By how much these actions change the unread count with each row that it can contain. They change no other count, nor
# when one changes by itself.
UNREAD_BY = {"read": -1, "unread": 1, "saved": 0, "unsaved": 0}
STATUS_WHEN_UNREAD = case((Notification.sent_at.is_not(None), "sent"), else_="pending")


@dataclass(frozen=True)
class Action:
    """The rows that an action changes, and the values it writes into them."""

    applies_to: ColumnElement[bool]
    values: dict[InstrumentedAttribute[Any], Any]


def _actions(now: Now, until: Now | None) -> dict[str, Action]:
    # A snoozed notification that is dealt with early surfaces at that moment.
    surfaced_at = case((Notification.snoozed_until.is_not(None), now), else_=Notification.surfaced_at)
    return {
        "read": Action(
            Notification.read_at.is_(None), {Notification.read_at: now, Notification.status: "read"}
        ),
        "unread": Action(
            Notification.read_at.is_not(None),
            {Notification.read_at: None, Notification.status: STATUS_WHEN_UNREAD},
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
                Notification.status: STATUS_WHEN_UNREAD,
            },
        ),
        "unsnooze": Action(
            Notification.snoozed_until.is_not(None),
            {Notification.surfaced_at: now, Notification.snoozed_until: None},
        ),
        "saved": Action(Notification.saved_at.is_(None), {Notification.saved_at: now}),
        "unsaved": Action(Notification.saved_at.is_not(None), {Notification.saved_at: None}),
    }


def change(
    user: InboxReader,
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
        action: one of `catalog.ACTIONS`.
        ids: the notifications; ids of other people or of rows that need no change are skipped.
        filters: instead of ids: all that match, beyond the page too.
        stack_keys: with ids: also all of these stacks that match the filters.
        until: for `snooze`: when the notification returns as unread; see `snooze`.
    Returns:
        The change. `count` is how many rows changed; `id` undoes it, and is None if none did.
    Raises:
        KeyError: the action does not exist.
        Invalid: the snooze does not end in the future, keyed `until`; too many ids, keyed `notification_ids`.
    """
    now = now or utc_now()
    if len(ids or ()) > MAX_NAMED or len(stack_keys) > MAX_NAMED:
        raise Invalid({"notification_ids": _("Select at most %(most)s notifications.", most=MAX_NAMED)})
    if action == "snooze" and (until is None or until <= now):
        raise Invalid({"until": _("Choose a time in the future.")})
    if ids is not None and len(ids) == 1 and not stack_keys:
        return _change_one(user, action, ids[0], now, until)
    wanted = matching(filters, user.id, now) if filters else []
    if ids is not None:
        is_selected = Notification.id.in_([number for number in ids if 0 < number <= MAX_ID])
        is_in_stack = and_(Notification.stack_key.in_(stack_keys), *wanted) if stack_keys else false()
        wanted = [*visible_to(user.id, now), or_(is_selected, is_in_stack)]
    return change_matching(user, action, wanted, now, until)


def change_matching(
    user: InboxReader,
    action: str,
    wanted: Sequence[ColumnElement[bool]],
    now: datetime,
    until: datetime | None = None,
) -> NotificationChange:
    """Apply an action to the rows that meet these conditions, which include their owner. See `change`."""
    spec = _actions(now, until)[action]
    made = NotificationChange(user_id=user.id, action=action, count=0, before="[]", made_at=now)
    columns = (getattr(Notification, name) for name in undo.RESTORED)
    with writing():
        # Locked before they are recorded: undo restores what this change found.
        rows = select(Notification.id, *columns).where(*wanted, spec.applies_to).with_for_update()
        made.count, before, is_subscribed = db.session.execute(undo.record_rows(rows.subquery())).one()
        if made.count:
            made.before = before
            is_changed = Notification.id.in_(undo.select_changed_ids(before))
            db.session.execute(
                update(Notification).where(is_changed).values(spec.values),
                execution_options=BULK,
            )
            inbox_version.bump([user.id])
            db.session.add(made)
            if is_subscribed and action in READING:
                calls.queue_read(undo.select_changed_ids(before), now)
    return made


def _change_one(
    user: InboxReader, action: str, notification_id: int, now: datetime, until: datetime | None
) -> NotificationChange:
    """Do the same as `change_matching` for one notification: the change that people make all day."""
    made = NotificationChange(user_id=user.id, action=action, count=0, before="[]", made_at=now)
    if not 0 < notification_id <= MAX_ID:
        return made
    record, write = _statements_for_one(action)
    values = {"one": notification_id, "user_id": user.id, "now": now, "until": until}
    version = 0
    known: counts.InboxCounts | None = None
    with writing():
        ((made.count, before, is_subscribed, countable),) = record.fetch(**values)
        if made.count:
            made.before = before
            write.fetch(**values)
            version = inbox_version.bump_one(user.id)
            if action in UNREAD_BY:
                known = counts.remembered(user.id, now, version - 1)
            (stored,) = _INSERT_CHANGE.fetch(
                user_id=user.id, action=action, count=made.count, before=before, made_at=now, undone_at=None
            )
            made.id = stored.id
            if is_subscribed and action in READING:
                calls.queue_read([notification_id], now)
    # Not before the commit: it may fail, and another change would get this version.
    if known is not None:
        unread = known.unread + UNREAD_BY[action] * countable
        counts.remember(user.id, known._replace(unread=unread), now, version)
    return made


@cache
def _statements_for_one(action: str) -> tuple[CompiledStatement, CompiledStatement]:
    until = bindparam("until", type_=Notification.surfaced_at.type)
    spec = _actions(NOW, until)[action]
    columns = (getattr(Notification, name) for name in undo.RESTORED)
    is_unexpired = or_(Notification.expires_at.is_(None), Notification.expires_at > NOW)
    is_countable = and_(*conditions_for_place("inbox", NOW), is_unexpired).label("is_countable")
    rows = select(Notification.id, *columns, is_countable).where(
        Notification.id == _ONE, *visible_to(USER_ID, NOW), spec.applies_to
    )
    found = rows.with_for_update().subquery()
    countable = func.count().filter(found.c.is_countable).label("countable")
    values = {column.key: null() if value is None else value for column, value in spec.values.items()}
    write = update(NOTIFICATIONS).where(NOTIFICATIONS.c.id == _ONE).values(values)
    return CompiledStatement(lambda: undo.record_rows(found).add_columns(countable)), CompiledStatement(write)


def mark_notification_as_read(notification_id: int, user: InboxReader) -> Notification:
    """Mark one notification as read; doing it again changes nothing.

    Raises:
        NotFound: this person has no such notification.
    """
    row = inbox.get(user, notification_id)
    if row.read_at is None:
        change(user, "read", ids=[row.id])
        db.session.refresh(row)
    return row

"""Actions on a person's notifications: one UPDATE however many rows, and each action can be undone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from flask_babel import gettext as _
from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    case,
    exists,
    false,
    func,
    insert,
    literal,
    not_,
    null,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute

from app.clock import utc_now
from app.database.base import Base, db
from app.database.compiled import CompiledStatement
from app.database.writing import BULK, writing
from app.models import Notification, NotificationChange
from app.row_ids import MAX_ID
from app.services.base import inbox_pubsub
from app.services.base.errors import Invalid
from app.services.notifications import counts, inbox, inbox_version, saved_views, undo
from app.services.notifications.conditions import Now, conditions_for_place
from app.services.notifications.filters import (
    NOW,
    USER_ID,
    Filters,
    InboxReader,
    ValueOf,
    for_pages,
    matching,
    visible_to,
)
from app.services.subscriptions import calls

# How many notifications or stacks a change may name. Filters have no limit.
MAX_NAMED = 10_000
NOTIFICATIONS, CHANGES = (Base.metadata.tables[name] for name in ("notifications", "notification_changes"))
_ONE = bindparam("one", type_=Notification.id.type)
_UNTIL = bindparam("until", type_=Notification.surfaced_at.type)
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


# Builds the columns of a notification that a caller shows.
RowColumns = Callable[[ValueOf], list[ColumnElement[Any]]]


class RowChange(NamedTuple):
    """A change of one notification.

    Attributes:
        id: undoes it; None if nothing needed a change, and then nothing else is known.
        version: of the inbox, since this change.
        is_countable: whether the notification is in the inbox, where it is counted while it is unread.
        row: the columns that were asked for, as they are now.
    """

    id: int | None
    version: int
    is_countable: bool
    row: Sequence[Any]


NOTHING = RowChange(None, -1, False, ())


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
    if ids is not None and len(ids) == 1 and not stack_keys:
        one = change_one(user, action, ids[0], until=until, now=now)
        count = int(one.id is not None)
        return NotificationChange(id=one.id, user_id=user.id, action=action, count=count, made_at=now)
    _check_end(action, until, now)
    wanted = matching(for_pages(filters, user.id, now), user.id, now) if filters else []
    if ids is not None:
        is_selected = Notification.id.in_([number for number in ids if 0 < number <= MAX_ID])
        is_in_stack = and_(Notification.stack_key.in_(stack_keys), *wanted) if stack_keys else false()
        wanted = [*visible_to(user.id, now), or_(is_selected, is_in_stack)]
    return change_matching(user, action, wanted, now, until)


def _check_end(action: str, until: datetime | None, now: datetime) -> None:
    if action == "snooze" and (until is None or until <= now):
        raise Invalid({"until": _("Choose a time in the future.")})


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
        # Locked before they are recorded: undo restores what this change found. In one order, because two changes of
        # the same rows would deadlock.
        rows = select(Notification.id, *columns).where(*wanted, spec.applies_to)
        rows = rows.order_by(Notification.id).with_for_update()
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


def change_one(
    user: InboxReader,
    action: str,
    notification_id: int,
    *,
    columns: RowColumns = inbox.row_columns,
    until: datetime | None = None,
    now: datetime | None = None,
) -> RowChange:
    """Do the same as `change` for one notification: the change that people make all day.

    Args:
        columns: builds the columns of the row that is returned.
    """
    now = now or utc_now()
    _check_end(action, until, now)
    if not 0 < notification_id <= MAX_ID:
        return NOTHING
    # Before anything is written; see `cache.Memory.peek`.
    is_simple = action in UNREAD_BY
    kept = counts.remembered(user.id, now) if is_simple else None
    kept_views = saved_views.remembered(user, now) if is_simple else None
    values = {"one": notification_id, "user_id": user.id, "now": now, "until": until}
    is_postgresql = db.engine.dialect.name == "postgresql"
    found = _in_one_statement(action, columns, values) if is_postgresql else None
    if found is None:
        found = _in_steps(action, columns, values)
    if found.id is None:
        return NOTHING
    if kept and kept[0] == found.version - 1:
        unread = kept[1].unread + UNREAD_BY[action] * found.is_countable
        counts.remember(user.id, kept[1]._replace(unread=unread), now, found.version)
    if kept_views and kept_views[0] == found.version - 1:
        saved_views.remember_change(
            user, kept_views[1], action, notification_id, now=now, version=found.version
        )
    return found


def _in_steps(action: str, columns: RowColumns, values: dict[str, Any]) -> RowChange:
    select_row, write = _steps(action, columns)
    user_id, now = values["user_id"], values["now"]
    with writing():
        rows = select_row.fetch(**values)
        if not rows:
            return NOTHING
        before, is_countable, is_subscribed, *row = rows[0]
        write.fetch(**values)
        version = inbox_version.bump_one(user_id)
        (stored,) = _INSERT_CHANGE.fetch(
            user_id=user_id, action=action, count=1, before=before, made_at=now, undone_at=None
        )
        if is_subscribed and action in READING:
            calls.queue_read([values["one"]], now)
    return RowChange(stored.id, version, bool(is_countable), row)


def _in_one_statement(action: str, columns: RowColumns, values: dict[str, Any]) -> RowChange | None:
    """Do all of it in one round trip to PostgreSQL; None if it cannot, because subscriptions must be called, too."""
    ((is_subscribed, change_id, version, is_countable, *row),) = _statement(action, columns).fetch_alone(
        **values
    )
    if is_subscribed and action in READING:
        return None
    if change_id is not None:
        inbox_pubsub.publish([values["user_id"]])
    return RowChange(change_id, version, bool(is_countable), row)


def _select_one(action: str, columns: RowColumns) -> tuple[Action, Select[Any]]:
    """Select the row that an action changes: as undo restores it, and the caller's columns as they will be."""
    spec = _actions(NOW, _UNTIL)[action]

    def value_of(column: InstrumentedAttribute[Any]) -> ColumnElement[Any]:
        value = spec.values.get(column, column.expression)
        return value if isinstance(value, ColumnElement) else _constant(value)

    is_unexpired = or_(Notification.expires_at.is_(None), Notification.expires_at > NOW)
    is_countable = and_(*conditions_for_place("inbox", NOW), is_unexpired)
    facts: list[ColumnElement[Any]] = [
        undo.record_row().label("before"),
        is_countable.label("is_countable"),
        calls.HAS_SUBSCRIPTIONS,
    ]
    rows = select(*facts, *columns(value_of))
    return spec, rows.where(
        Notification.id == _ONE, *visible_to(USER_ID, NOW), spec.applies_to
    ).with_for_update()


@cache
def _steps(action: str, columns: RowColumns) -> tuple[CompiledStatement, CompiledStatement]:
    spec = _actions(NOW, _UNTIL)[action]
    write = update(NOTIFICATIONS).where(NOTIFICATIONS.c.id == _ONE).values(_values(spec))
    return CompiledStatement(lambda: _select_one(action, columns)[1]), CompiledStatement(write)


@cache
def _statement(action: str, columns: RowColumns) -> CompiledStatement:
    def build() -> Select[Any]:
        spec, rows = _select_one(action, columns)
        names = [column.name for column in rows.selected_columns][3:]
        found = (rows.where(not_(calls.HAS_SUBSCRIPTIONS)) if action in READING else rows).cte("found")
        changed = (
            update(NOTIFICATIONS)
            .where(NOTIFICATIONS.c.id == _ONE, exists(select(found.c.before)))
            .values(_values(spec))
            .returning(NOTIFICATIONS.c.id)
            .cte("changed")
        )
        bumped = (
            inbox_version.BUMP.where(inbox_version.USERS.c.id == USER_ID, exists(select(changed.c.id)))
            .returning(inbox_version.USERS.c.inbox_version)
            .cte("bumped")
        )
        change = select(USER_ID, literal(action), literal(1), found.c.before, NOW)
        stored = (
            insert(CHANGES)
            .from_select(["user_id", "action", "count", "before", "made_at"], change)
            .returning(CHANGES.c.id)
            .cte("stored")
        )
        asked = select(calls.HAS_SUBSCRIPTIONS).cte("asked")
        return select(
            asked.c.has_subscriptions,
            stored.c.id.label("change_id"),
            bumped.c.inbox_version.label("version"),
            found.c.is_countable,
            *(found.c[name] for name in names),
        ).select_from(asked.outerjoin(found, true()).outerjoin(bumped, true()).outerjoin(stored, true()))

    return CompiledStatement(build)


def _values(spec: Action) -> dict[str, Any]:
    return {column.key: null() if value is None else value for column, value in spec.values.items()}


def _constant(value: str | None) -> ColumnElement[Any]:
    return null() if value is None else literal(value)


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

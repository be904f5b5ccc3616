"""Actions on notifications: on one, on many, and undone exactly."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import SimpleNamespace

import pytest
from flask import current_app
from sqlalchemy import insert

from app.clock import utc_now
from app.database.base import db
from app.models import Notification, User
from app.services.base import cache
from app.services.base.errors import NotFound
from app.services.notifications import actions, counts, inbox
from app.services.notifications import undo as notification_undo
from app.services.notifications.filters import Filters
from app.services.notifications.inbox import InboxRow
from tests.support import factories, statements


def states(user: User) -> list[tuple[object, ...]]:
    db.session.expire_all()
    rows = db.session.query(Notification).filter_by(recipient_id=user.id).order_by(Notification.id)
    return [
        (n.id, n.status, n.read_at, n.archived_at, n.saved_at, n.snoozed_until, n.surfaced_at) for n in rows
    ]


@pytest.mark.parametrize("action", ["read", "unread", "done", "undone"])
def test_every_action_is_undone_exactly(owner: User, stranger: User, action: str) -> None:
    then = utc_now() - timedelta(days=1)
    factories.notification(owner, "unread")
    factories.notification(owner, "read", read_at=then)
    factories.notification(owner, "done", read_at=then, archived_at=then)
    factories.notification(stranger, "another's")
    before, others, version = states(owner), states(stranger), owner.inbox_version
    made = actions.change(owner, action, ids=[row[0] for row in before + others])
    assert made.count > 0
    assert states(owner) != before
    assert states(stranger) == others
    assert owner.inbox_version > version
    assert notification_undo.undo_change(owner, made.id).count == made.count
    assert states(owner) == before
    notification_undo.undo_change(owner, made.id)
    assert states(owner) == before


def test_repeating_an_action_changes_nothing_and_offers_no_undo(owner: User) -> None:
    row = factories.notification(owner)
    assert actions.change(owner, "read", ids=[row.id]).count == 1
    again = actions.change(owner, "read", ids=[row.id])
    assert (again.count, again.id) == (0, None)


@pytest.mark.parametrize("action", actions.UNREAD_BY)
def test_the_row_of_a_change_is_what_the_next_reader_sees(owner: User, action: str) -> None:
    is_back = action in ("unread", "unsaved")
    then = utc_now() if is_back else None
    row = factories.notification(owner, read_at=then, saved_at=then)
    with statements.recorded() as seen:
        changed = actions.change_one(owner, action, row.id)
    assert InboxRow._make(changed.row) == inbox.get_row(owner, row.id)
    assert changed.version == cache.version_of(owner.id)
    if db.engine.dialect.name == "postgresql":
        assert len(seen) == 1


def test_of_two_people_who_change_a_row_at_once_one_does(owner: User) -> None:
    row = factories.notification(owner)
    reader = SimpleNamespace(id=owner.id, time_zone="UTC")
    app, number, version = current_app._get_current_object(), row.id, owner.inbox_version
    db.session.rollback()

    def change(_turn: int) -> int | None:
        with app.app_context():
            return actions.change_one(reader, "read", number).id

    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(change, range(4)))
    assert len([each for each in made if each]) == 1
    assert cache.version_of(owner.id) == version + 1


def test_only_the_owner_can_undo_and_only_for_ten_minutes(owner: User, stranger: User) -> None:
    row = factories.notification(owner)
    made = actions.change(owner, "done", ids=[row.id])
    with pytest.raises(NotFound):
        notification_undo.undo_change(stranger, made.id)
    with pytest.raises(NotFound):
        notification_undo.undo_change(owner, made.id, now=utc_now() + timedelta(minutes=11))
    assert states(owner)[0][3] is not None


def test_an_action_on_a_filter_changes_thousands_of_rows_in_few_statements(owner: User) -> None:
    rows = [factories.notification_values(owner, n) for n in range(3000)]
    db.session.execute(insert(Notification), rows)
    db.session.commit()
    with statements.recorded() as seen:
        made = actions.change(owner, "read", filters=Filters(categories=("interview",)))
    assert made.count == 3000
    assert len(seen) <= 5
    assert counts.unread_count(owner.id) == 0
    notification_undo.undo_change(owner, made.id)
    assert counts.unread_count(owner.id) == 3000

"""Every change of what a person's lists, counts and views show raises `users.inbox_version` in its own transaction."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text, update

import app as application
from app.clock import utc_now
from app.database.base import db
from app.models import Notification, User
from app.services import create_notification
from app.services.announcements import management as announcements
from app.services.announcements.validation import AnnouncementRequest
from app.services.deliveries import actions as delivery_actions
from app.services.notifications import actions, expiry, inbox_version, saved_views
from app.services.notifications import undo as notification_undo
from app.services.notifications.saved_views import SavedFilter
from app.services.operations import retention
from app.services.routing import digest_coverage
from app.services.sending import clock_correction, results, scheduled
from app.services.sending.results import SendResult
from tests.support import factories
from tests.support.retention import KEPT

NOW = utc_now()
HOUR = timedelta(hours=1)
# Who is concerned by each change is noted by the database itself.
TRIGGERS = [
    f"CREATE TRIGGER note_{table}_{event[:6]} AFTER {event} ON {table} BEGIN"
    f" INSERT INTO noted VALUES ({'old' if event == 'DELETE' else 'new'}.{owner}, '{what}'); END"
    for table, owner, what, events in (
        ("notifications", "recipient_id", "changed", ("INSERT", "UPDATE", "DELETE")),
        ("saved_views", "user_id", "changed", ("INSERT", "UPDATE", "DELETE")),
        ("users", "id", "raised", ("UPDATE OF inbox_version",)),
    )
    for event in events
]
Change = Callable[[User, Notification], object]


def _set(row: Notification, **values: object) -> None:
    db.session.execute(update(Notification).where(Notification.id == row.id).values(values))
    db.session.commit()


def _announce(user: User, *, cancel: bool = False) -> None:
    wanted = AnnouncementRequest(
        recipients=[user.email], title="News", message="Later", deliver_at=NOW + HOUR
    )
    user.role = "admin"
    made = announcements.create(user, wanted)
    if cancel:
        announcements.cancel(user, made.id)


def _record(row: Notification, state: str) -> None:
    _set(row, status="pending", sent_at=None)
    mail = factories.delivery(row, state="claimed", token="t")
    results.record_results("t", [SendResult(mail.id, state, NOW)])


def _expire(row: Notification) -> None:
    interview = factories.interview()
    _set(row, interview_id=interview.id)
    inbox_version.bump(expiry.expire_for_interviews([interview.id], row.notification_type, NOW))
    db.session.commit()


def _release(row: Notification) -> None:
    _set(row, status="cancelled", surfaced_at=None)
    factories.delivery(row, state="skipped", reason="in_digest")
    digest_coverage.release_uncovered(NOW)
    db.session.commit()


def _edit_view(user: User) -> None:
    view = saved_views.create(user, "Mine", SavedFilter())
    saved_views.change(user, view.id, name="Yours")
    saved_views.delete(user, view.id)
    saved_views.restore(user, view.id)


CHANGES: dict[str, Change] = {
    "routing/inserting.py": lambda user, _row: create_notification(user, "job_created", "New", "A job"),
    "announcements/writer.py": lambda user, _row: _announce(user),
    "announcements/management.py": lambda user, _row: _announce(user, cancel=True),
    "notifications/actions.py": lambda user, row: actions.change(user, "done", ids=[row.id]),
    "notifications/undo.py": lambda user, row: notification_undo.undo_change(
        user, actions.change(user, "done", ids=[row.id]).id
    ),
    "notifications/expiry.py": lambda _user, row: _expire(row),
    "notifications/saved_views.py": lambda user, _row: _edit_view(user),
    "operations/retention.py": lambda _user, _row: retention.purge(KEPT, NOW + timedelta(days=1000)),
    "routing/digest_coverage.py": lambda _user, row: _release(row),
    "sending/results.py": lambda _user, row: _record(row, "sent"),
    "sending/results.py, failed": lambda _user, row: _record(row, "failed"),
    "sending/scheduled.py": lambda _user, row: (
        _set(row, snoozed_until=NOW, read_at=NOW),
        scheduled.unsnooze_due(NOW),
    ),
    "sending/scheduled.py, shown": lambda _user, row: (
        _set(row, status="pending"),
        factories.delivery(row, "in_app", due_at=NOW),
        scheduled.show_scheduled(NOW),
    ),
    "sending/clock_correction.py": lambda _user, row: (
        _set(row, created_at=NOW + HOUR, surfaced_at=NOW + HOUR),
        clock_correction.correct_deliveries(NOW, was_set=True),
    ),
    "deliveries/actions.py": lambda user, row: delivery_actions.cancel(
        factories.delivery(row, "in_app", state="pending").id, user
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_raises_the_version(app: Flask, alice: User, bob: User, name: str) -> None:
    row = factories.notification(alice)
    factories.notification(bob)
    db.session.execute(text("CREATE TABLE noted (user_id INTEGER, what TEXT)"))
    for trigger in TRIGGERS:
        db.session.execute(text(trigger))
    db.session.commit()
    CHANGES[name](alice, row)
    noted = db.session.execute(text("SELECT user_id, what FROM noted")).all()
    changed, raised = ({row.user_id for row in noted if row.what == what} for what in ("changed", "raised"))
    assert alice.id in changed
    assert changed <= raised


def test_every_file_that_writes_them_is_listed_above() -> None:
    services = Path(application.__file__).parent / "services"
    writes = re.compile(
        r"(?:update|delete|insert|insert_ignore)\((?:Notification|NOTIFICATIONS|SavedView)\)|UPDATE notifications"
        r"|sql_delete\(SavedView|SavedView\(|model is Notification"
    )
    found = {
        str(path.relative_to(services)) for path in services.rglob("*.py") if writes.search(path.read_text())
    }
    assert found <= {name.partition(",")[0] for name in CHANGES}

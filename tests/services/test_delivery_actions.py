"""What an admin does to deliveries: only where it still makes sense, and always in the audit log."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.clock import utc_now
from app.database.base import db
from app.models import AuditEntry, Delivery, Suppression, User
from app.services.base.errors import Conflict, NotFound
from app.services.deliveries import actions as delivery_actions
from app.services.deliveries import chart
from app.services.deliveries import log as delivery_log
from app.services.notifications import counts
from app.services.routing import suppressions
from tests.support import factories


@pytest.fixture
def owner(any_app: Flask) -> User:
    return factories.user("alice@example.test", time_zone="Pacific/Apia")


@pytest.fixture
def admin(any_app: Flask) -> User:
    return factories.user("bob@example.test", role="admin")


def actions() -> list[str]:
    return list(db.session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))


@pytest.mark.parametrize("state", ["failed", "dead", "uncertain", "expired", "suppressed", "retry_wait"])
def test_what_did_not_arrive_is_sent_again_now(owner: User, admin: User, state: str) -> None:
    long_ago = utc_now() - timedelta(days=9)
    row = factories.delivery(
        factories.notification(owner), state=state, due_at=long_ago, expires_at=long_ago, crashes=3
    )
    delivery_actions.retry(row.id, admin)
    db.session.refresh(row)
    assert (row.state, row.reason, row.crashes) == ("pending", "queued", 0)
    assert row.due_at > long_ago
    assert row.expires_at
    assert row.expires_at > utc_now()
    assert actions()[-1] == "delivery.retried"


@pytest.mark.parametrize("state", ["sent", "claimed", "skipped", "cancelled"])
def test_what_was_sent_left_out_or_is_under_way_is_not(owner: User, admin: User, state: str) -> None:
    row = factories.delivery(factories.notification(owner), state=state)
    with pytest.raises(Conflict):
        delivery_actions.retry(row.id, admin)
    assert db.session.scalar(select(Delivery.state)) == state
    assert "delivery.retried" not in actions()


def test_a_waiting_one_can_be_cancelled_and_one_under_way_cannot(owner: User, admin: User) -> None:
    waiting = factories.delivery(factories.notification(owner))
    taken = factories.delivery(factories.notification(owner), state="claimed")
    delivery_actions.cancel(waiting.id, admin)
    db.session.refresh(waiting)
    assert (waiting.state, waiting.reason) == ("cancelled", "cancelled")
    with pytest.raises(Conflict):
        delivery_actions.cancel(taken.id, admin)
    with pytest.raises(NotFound):
        delivery_actions.cancel(10**6, admin)


def test_a_scheduled_one_that_is_cancelled_never_shows_in_the_app(owner: User, admin: User) -> None:
    later = utc_now() + timedelta(hours=1)
    note = factories.notification(owner, surfaced_at=later, deliver_at=later, status="pending")
    row = factories.delivery(note, "in_app", address="", due_at=later)
    delivery_actions.cancel(row.id, admin)
    assert counts.unread_count(owner.id, now=later + timedelta(hours=1)) == 0


def test_a_released_address_is_written_to_again(owner: User, admin: User) -> None:
    suppressions.add("email", "alice@example.test", "550 5.1.1 No such user")
    db.session.commit()
    (row,), _ = suppressions.page_for()
    assert suppressions.release(row.id, admin) == "alice@example.test"
    assert db.session.scalar(select(Suppression.id)) is None
    assert actions()[-1] == "address.released"
    with pytest.raises(NotFound):
        suppressions.release(row.id, admin)


def test_the_chart_counts_days_of_the_readers_calendar(owner: User) -> None:
    now = utc_now().replace(hour=10, minute=30)  # 23:30 in Apia
    note = factories.notification(owner)
    for number, (hours, state) in enumerate(
        [(0, "sent"), (23, "sent"), (24, "failed"), (25, "pending"), (500, "sent")]
    ):
        factories.delivery(
            note, state=state, created_at=now - timedelta(hours=hours), address=f"{number}@example.test"
        )
    days = chart.daily_counts(owner, now)
    assert len(days) == chart.DAYS
    assert days[-1].counts == {"sent": 2, "kept": 0, "failed": 0, "waiting": 0}
    assert days[-2].counts == {"sent": 0, "kept": 0, "failed": 1, "waiting": 1}
    assert sum(day.total for day in days) == 4


def test_the_log_is_narrowed_by_person_template_and_time(owner: User, admin: User) -> None:
    now = utc_now()
    mine = factories.delivery(factories.notification(owner, notification_type="job_created"))
    old = factories.delivery(factories.notification(owner), created_at=now - timedelta(days=3))
    other = factories.delivery(factories.notification(admin), created_at=now - timedelta(days=3))

    def found(**filters: object) -> set[int]:
        page = delivery_log.page_for(admin, delivery_log.DeliveryFilters(**filters))  # type: ignore[arg-type]
        return {line.row.id for line in page.lines}

    assert found(person="ALICE") == {mine.id, old.id}
    assert found(notification_types=("job_created",)) == {mine.id}
    assert found(created_after=now - timedelta(days=1)) == {mine.id}
    assert found(created_before=now - timedelta(days=1)) == {old.id, other.id}
    assert found(created_after=old.created_at, created_before=mine.created_at) == {old.id, other.id}


def test_what_was_kept_here_is_not_said_to_be_sent(owner: User, admin: User) -> None:
    note = factories.notification(owner)
    sent = factories.delivery(note, state="sent", reason="sent", address="1@example.test")
    kept = factories.delivery(note, state="sent", reason="kept", address="2@example.test")

    def found(*outcomes: str) -> list[tuple[int, str]]:
        page = delivery_log.page_for(admin, delivery_log.DeliveryFilters(outcomes=outcomes))
        return [(line.row.id, str(line.outcome.label)) for line in page.lines]

    assert found("sent") == [(sent.id, "Sent")]
    assert found("kept") == [(kept.id, "Captured")]
    assert len(found("sent", "kept")) == 2
    counts = chart.daily_counts(owner)[-1].counts
    assert (counts["sent"], counts["kept"]) == (1, 1)

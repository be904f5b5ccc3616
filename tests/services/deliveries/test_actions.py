"""Actions on deliveries: allowed only in the right state, and always audited."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.clock import utc_now
from app.database.base import db
from app.models import AuditEntry, Delivery, Suppression, User
from app.services.base.errors import Conflict, NotFound
from app.services.deliveries import actions as delivery_actions
from app.services.deliveries.delivery_log import DeliveryFilters
from app.services.notifications import counts
from app.services.routing import suppressions
from tests.support import factories


def actions() -> list[str]:
    return list(db.session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))


@pytest.mark.parametrize("state", ["failed", "dead", "uncertain", "expired", "suppressed", "retry_wait"])
def test_undelivered_messages_can_be_retried(owner: User, admin: User, state: str) -> None:
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


def test_everything_that_failed_and_matches_is_sent_again(owner: User, admin: User) -> None:
    rows = {
        state: factories.delivery(factories.notification(owner), state=state)
        for state in ("failed", "dead", "expired", "uncertain", "sent", "suppressed", "pending")
    }
    other = factories.delivery(factories.notification(admin), state="failed", address="bob@example.test")
    assert delivery_actions.retry_matching(DeliveryFilters(search="alice"), admin) == 3
    db.session.expire_all()
    assert [state for state, row in rows.items() if row.state == "pending"] == [
        "failed",
        "dead",
        "expired",
        "pending",
    ]
    assert rows["uncertain"].state == "uncertain", "it may have arrived"
    assert other.state == "failed"
    (entry,) = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "deliveries.retried"))
    assert entry.detail == {"count": 3}
    assert delivery_actions.retry_matching(DeliveryFilters(search="alice"), admin) == 0


@pytest.mark.parametrize("state", ["sent", "claimed", "skipped", "cancelled"])
def test_sent_skipped_and_claimed_deliveries_cannot_be_retried(owner: User, admin: User, state: str) -> None:
    row = factories.delivery(factories.notification(owner), state=state)
    with pytest.raises(Conflict):
        delivery_actions.retry(row.id, admin)
    assert db.session.scalar(select(Delivery.state)) == state
    assert "delivery.retried" not in actions()


def test_waiting_deliveries_can_be_cancelled_but_claimed_ones_cannot(owner: User, admin: User) -> None:
    waiting = factories.delivery(factories.notification(owner))
    taken = factories.delivery(factories.notification(owner), state="claimed")
    delivery_actions.cancel(waiting.id, admin)
    db.session.refresh(waiting)
    assert (waiting.state, waiting.reason) == ("cancelled", "cancelled")
    with pytest.raises(Conflict):
        delivery_actions.cancel(taken.id, admin)
    with pytest.raises(NotFound):
        delivery_actions.cancel(10**6, admin)


def test_cancelled_scheduled_notification_never_appears_in_the_inbox(owner: User, admin: User) -> None:
    later = utc_now() + timedelta(hours=1)
    note = factories.notification(owner, surfaced_at=later, deliver_at=later, status="pending")
    row = factories.delivery(note, "in_app", address="", due_at=later)
    delivery_actions.cancel(row.id, admin)
    assert counts.unread_count(owner.id, now=later + timedelta(hours=1)) == 0


def test_released_address_is_no_longer_suppressed(owner: User, admin: User) -> None:
    suppressions.add("email", "alice@example.test", "550 5.1.1 No such user")
    db.session.commit()
    (row,), _ = suppressions.page_for()
    assert suppressions.release(row.id, admin) == "alice@example.test"
    assert db.session.scalar(select(Suppression.id)) is None
    assert actions()[-1] == "address.released"
    with pytest.raises(NotFound):
        suppressions.release(row.id, admin)

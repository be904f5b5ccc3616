"""The delivery log and its filters."""

from __future__ import annotations

from datetime import timedelta

from app.clock import utc_now
from app.models import User
from app.services.deliveries import chart
from app.services.deliveries import log as delivery_log
from tests.support import factories


def test_log_is_filtered_by_person_type_and_time(owner: User, admin: User) -> None:
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


def test_captured_emails_are_not_shown_as_sent(owner: User, admin: User) -> None:
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

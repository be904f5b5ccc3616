"""The delivery log and its filters."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.clock import utc_now
from app.models import User
from app.services.deliveries import chart, delivery_log
from tests.support import factories


def test_log_is_filtered_by_person_type_and_time(owner: User, admin: User) -> None:
    now = utc_now()
    mine = factories.delivery(factories.notification(owner, notification_type="job_created"))
    old = factories.delivery(factories.notification(owner), created_at=now - timedelta(days=3))
    other = factories.delivery(factories.notification(admin), created_at=now - timedelta(days=3))

    def found(**filters: object) -> set[int]:
        page = delivery_log.page_for(admin, delivery_log.DeliveryFilters(**filters))  # type: ignore[arg-type]
        return {line.delivery.id for line in page.lines}

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
        return [(line.delivery.id, str(line.outcome.label)) for line in page.lines]

    assert found("sent") == [(sent.id, "Sent")]
    assert found("kept") == [(kept.id, "Not sent (no mail server)")]
    assert len(found("sent", "kept")) == 2
    counts = chart.daily_counts(owner)[-1].counts
    assert (counts["sent"], counts["kept"]) == (1, 1)


def test_the_search_finds_names_addresses_and_numbers(owner: User, admin: User) -> None:
    phone = factories.delivery(factories.notification(owner), "sms", address="+447700900142")
    mail = factories.delivery(factories.notification(owner), address="Alice.Old@example.test")
    other = factories.delivery(factories.notification(admin), address="bob@example.test")

    def found(search: str) -> set[int]:
        page = delivery_log.page_for(admin, delivery_log.DeliveryFilters(search=search))
        return {line.delivery.id for line in page.lines}

    assert found("alice") == {phone.id, mail.id}
    assert found("+44 7700 900142") == found("7700900") == {phone.id}
    assert found("alice.old@") == {mail.id}
    assert found(f"#{other.id}") == {other.id}
    assert other.id in found(str(other.id))
    assert found("9" * 30) == found("%") == found("nobody") == set()


def test_matches_are_counted_up_to_a_limit(owner: User, admin: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery_log, "MAX_COUNTED", 3)
    for number, state in enumerate(("sent", "failed", "expired")):
        factories.delivery(factories.notification(owner), state=state, address=f"{number}@example.test")
    everything = delivery_log.DeliveryFilters()
    assert delivery_log.count_matching(everything) == delivery_log.MatchCount(3, 2, is_exact=True)
    factories.delivery(factories.notification(owner), state="uncertain")
    assert delivery_log.count_matching(everything) == delivery_log.MatchCount(3, 2, is_exact=False)


def test_the_export_has_every_match_once(owner: User, admin: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery_log, "PAGE_OF_EXPORT", 2)
    made = [factories.delivery(factories.notification(owner)).id for _ in range(5)]
    lines = delivery_log.export(admin, delivery_log.DeliveryFilters())
    assert [line.delivery.id for line in lines] == made[::-1]


def test_a_row_tells_its_reason_beyond_the_outcome(owner: User, admin: User) -> None:
    rows = [
        ({"state": "skipped", "reason": "read_before_sending"}, "Not sent", "already read in the inbox"),
        (
            {"state": "failed", "reason": "refused", "reason_data": {"detail": "550 no"}},
            "Failed",
            "Rejected: 550 no",
        ),
        (
            {
                "state": "failed",
                "reason": "gave_up",
                "reason_data": {"detail": "mailbox busy"},
                "attempts": 1,
            },
            "Failed",
            "Gave up after 1 attempt: mailbox busy",
        ),
        ({"state": "sent", "reason": "sent"}, "Sent", ""),
        ({"state": "sent", "reason": "kept"}, "Not sent (no mail server)", ""),
    ]
    for values, label, detail in rows:
        row = factories.delivery(factories.notification(owner), **values)
        line = delivery_log.delivery_row(row, admin)
        assert (str(line.outcome.label), line.detail) == (label, detail)

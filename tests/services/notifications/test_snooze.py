"""Snoozed, saved, scheduled and expired notifications: where they are listed, and when they return."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from app.clock import utc_now
from app.database.base import db
from app.models import Delivery, Notification, User
from app.services import create_notification
from app.services.base.errors import Invalid
from app.services.notifications import actions, counts, inbox, snooze
from app.services.notifications import undo as notification_undo
from app.services.notifications.filters import Filters
from app.services.sending import scheduled
from tests.support import factories

# A Thursday, 10:00 in Paris.
NOW = datetime(2026, 3, 12, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def ids(user: User, place: str, now: datetime = NOW) -> list[int]:
    return [row.id for row in inbox.page_for(user, Filters(place=place), now=now).rows]


def fresh(row: Notification) -> Notification:
    db.session.refresh(row)
    return row


def test_snoozed_notifications_leave_the_inbox_and_return_on_top_as_unread(any_app: Flask) -> None:
    alice = factories.user("alice@example.test")
    row = factories.notification(alice, created_at=NOW - 5 * HOUR, read_at=NOW - HOUR)
    other = factories.notification(alice, created_at=NOW - HOUR)
    actions.change(alice, "snooze", ids=[row.id], until=NOW + 2 * HOUR, now=NOW)
    assert (ids(alice, "inbox"), ids(alice, "later")) == ([other.id], [row.id])
    assert scheduled.unsnooze_due(NOW + HOUR) == 0
    before = fresh(alice).inbox_version  # type: ignore[type-var]
    later = NOW + 2 * HOUR
    assert scheduled.unsnooze_due(later) == 1
    assert (ids(alice, "inbox", later), ids(alice, "later", later)) == ([row.id, other.id], [])
    assert (fresh(row).is_read, row.status, row.snoozed_until) == (False, "sent", None)
    assert fresh(alice).inbox_version > before  # type: ignore[type-var]


def test_snoozed_notifications_return_as_unread_even_if_they_were_read(alice: User) -> None:
    row = factories.notification(alice, created_at=NOW - HOUR)
    actions.change(alice, "snooze", ids=[row.id], until=NOW + HOUR, now=NOW)
    actions.change(alice, "read", ids=[row.id], now=NOW)
    scheduled.unsnooze_due(NOW + HOUR)
    assert counts.unread_count(alice.id, NOW + HOUR) == 1


def test_a_snooze_can_be_ended_early_and_marked_done(alice: User) -> None:
    one, two = (factories.notification(alice, created_at=NOW - HOUR) for _ in range(2))
    actions.change(alice, "snooze", ids=[one.id, two.id], until=NOW + 5 * HOUR, now=NOW)
    actions.change(alice, "unsnooze", ids=[one.id], now=NOW + HOUR)
    actions.change(alice, "done", ids=[two.id], now=NOW + HOUR)
    assert (ids(alice, "inbox", NOW + HOUR), ids(alice, "done", NOW + HOUR)) == ([one.id], [two.id])
    assert ids(alice, "later", NOW + HOUR) == []
    assert scheduled.unsnooze_due(NOW + 6 * HOUR) == 0


def test_done_notifications_can_be_snoozed_and_return(alice: User) -> None:
    row = factories.notification(alice, archived_at=utc_now(), read_at=utc_now())
    until = utc_now() + timedelta(hours=1)
    made = actions.change(alice, "snooze", ids=[row.id], until=until)
    db.session.refresh(row)
    assert (made.count, row.archived_at, row.read_at, row.snoozed_until) == (1, None, None, until)
    notification_undo.undo_change(alice, made.id)
    db.session.refresh(row)
    assert (row.is_done, row.is_read, row.snoozed_until) == (True, True, None)


def test_undo_restores_a_snoozed_notification_exactly(alice: User) -> None:
    row = factories.notification(alice, created_at=NOW - HOUR, read_at=NOW)
    made = actions.change(alice, "snooze", ids=[row.id], until=NOW + HOUR, now=NOW)
    notification_undo.undo_change(alice, made.id, NOW)
    assert (fresh(row).surfaced_at, row.snoozed_until, row.read_at) == (NOW - HOUR, None, NOW)


def test_another_persons_notifications_cannot_be_snoozed_or_saved(alice: User, charlie: User) -> None:
    row = factories.notification(charlie, created_at=NOW - HOUR)
    for action in ("snooze", "saved"):
        made = actions.change(alice, action, ids=[row.id], until=NOW + HOUR, now=NOW)
        assert (made.id, made.count) == (None, 0)


@pytest.mark.parametrize("until", [None, NOW, NOW - HOUR])
def test_a_snooze_must_end_in_the_future(alice: User, until: datetime | None) -> None:
    row = factories.notification(alice, created_at=NOW - HOUR)
    with pytest.raises(Invalid, match="until"):
        actions.change(alice, "snooze", ids=[row.id], until=until, now=NOW)


def test_saved_notifications_are_listed_whether_done_or_not(alice: User) -> None:
    one, two = (factories.notification(alice, created_at=NOW - HOUR) for _ in range(2))
    actions.change(alice, "saved", ids=[one.id, two.id], now=NOW)
    actions.change(alice, "done", ids=[one.id], now=NOW)
    assert sorted(ids(alice, "saved")) == [one.id, two.id]
    actions.change(alice, "unsaved", ids=[two.id], now=NOW)
    assert (ids(alice, "saved"), ids(alice, "inbox")) == ([one.id], [two.id])


def test_snooze_choices_follow_the_readers_clock(alice: User) -> None:
    alice.time_zone = "Europe/Paris"
    found = {choice.name: choice.until.isoformat() for choice in snooze.snooze_choices(alice.time_zone, NOW)}
    assert found == {
        "hour": "2026-03-12T10:00:00+00:00",
        "evening": "2026-03-12T17:00:00+00:00",
        "tomorrow": "2026-03-13T08:00:00+00:00",
        "week": "2026-03-16T08:00:00+00:00",
    }
    offered = [
        [choice.name for choice in snooze.snooze_choices(alice.time_zone, NOW + hours * HOUR)]
        for hours in (0, 5, 6.5, 7, 9)
    ]
    # Evening is at six: at three it is later than in an hour, at half past four soon after that, at five near.
    assert offered == [
        ["hour", "evening", "tomorrow", "week"],
        ["hour", "evening", "tomorrow", "week"],
        ["evening", "tomorrow", "week"],
        ["hour", "tomorrow", "week"],
        ["hour", "tomorrow", "week"],
    ]
    # On a Sunday, Monday is offered as tomorrow.
    sunday = snooze.snooze_choices(alice.time_zone, NOW + timedelta(days=3))
    assert [choice.until.date().day for choice in sunday] == [15, 15, 16, 23]
    interview = snooze.snooze_choices(alice.time_zone, NOW, NOW + 30 * HOUR)
    assert [choice.name for choice in interview] == ["hour", "evening", "tomorrow", "interview", "week"]
    assert interview[3].until == NOW + 29 * HOUR
    # On a Monday, next week is in seven days; on the 29th, Paris has put its clocks forward.
    assert (
        snooze.snooze_until(alice, "week", NOW + timedelta(days=4)).isoformat() == "2026-03-23T08:00:00+00:00"
    )
    assert snooze.snooze_until(alice, "2026-03-29", NOW).isoformat() == "2026-03-29T07:00:00+00:00"


def test_a_time_is_written_in_words(alice: User) -> None:
    alice.time_zone = "Europe/Paris"
    assert snooze.snooze_until(alice, "fri 9", NOW) == datetime(2026, 3, 13, 8, tzinfo=UTC)
    starts = NOW + 30 * HOUR
    for text in ("1h before the interview", "interview"):
        assert snooze.snooze_until(alice, text, NOW, event_starts_at=starts) == NOW + 29 * HOUR
        with pytest.raises(Invalid, match="read"):
            snooze.snooze_until(alice, text, NOW)


def test_a_chosen_time_is_on_the_readers_clock(alice: User) -> None:
    alice.time_zone = "Europe/Paris"
    assert snooze.snooze_until(alice, "2026-03-12T14:30", NOW) == datetime(2026, 3, 12, 13, 30, tzinfo=UTC)
    # The clocks skip this time, so it means the moment after the change.
    assert snooze.snooze_until(alice, "2026-03-29T02:30", NOW) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_snoozed_notifications_are_counted(alice: User, charlie: User) -> None:
    for person in (alice, alice, charlie):
        row = factories.notification(person, created_at=NOW - HOUR)
        actions.change(person, "snooze", ids=[row.id], until=NOW + HOUR, now=NOW)
    assert counts.snoozed_count(alice.id, NOW) == 2
    assert counts.snoozed_count(alice.id, NOW + HOUR) == 0


@pytest.mark.parametrize(
    "choice",
    [
        "",
        "never",
        "2026-03-12",
        "2026-03-12T08:00",
        "2026-03-12T25:00",
        "9999-12-31T23:59",
        "2026-02-30",
        "9999-12-31",
        "0001-01-01",
        "2028-01-01",
    ],
)
def test_an_invalid_snooze_choice_is_rejected(alice: User, choice: str) -> None:
    with pytest.raises(Invalid, match="until"):
        snooze.snooze_until(alice, choice, NOW)


def test_scheduled_notifications_appear_on_time_and_expire(alice: User) -> None:
    row = create_notification(
        alice, "job_created", "Later", "…", deliver_at=NOW + HOUR, expires_at=NOW + 3 * HOUR, now=NOW
    )
    states = {one.channel: one.state for one in db.session.query(Delivery).filter_by(notification_id=row.id)}
    assert states == {"email": "pending", "in_app": "pending"}
    assert [ids(alice, "inbox", NOW + n * HOUR) for n in range(4)] == [[], [row.id], [row.id], []]
    assert counts.unread_count(alice.id, NOW + 3 * HOUR) == 0
    assert scheduled.show_scheduled(NOW + HOUR) == 1

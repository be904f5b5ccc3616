"""Reminders are sent once each and never stale, whatever the order of events and however often the job runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from app.database.base import db
from app.models import Delivery, Interview, Notification, Reminder, User
from app.services.events import publish
from app.services.interviews import reminders
from app.services.notifications.filters import Filters
from app.services.notifications.inbox import page_for
from app.services.preferences import editing as preference_editing
from app.services.routing import wording
from app.services.sending import email as sending_email
from app.services.sending import payloads, preflight
from tests.support import factories
from tests.support.interviews import publish_interview
from tests.support.threads import run_at_once

NOW = datetime(2026, 3, 12, 9, 0, tzinfo=UTC)
SITE = sending_email.SiteIdentity(
    "https://bellhop.test", "Bellhop <bellhop@bellhop.test>", "a key for tests only"
)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def reminders_of(user: User) -> list[Notification]:
    query = select(Notification).where(
        Notification.recipient_id == user.id, Notification.notification_type == "interview_reminder"
    )
    return list(db.session.scalars(query.order_by(Notification.id).execution_options(populate_existing=True)))


def outcomes_of(user: User) -> list[tuple[int, str]]:
    query = select(Reminder.lead_minutes, Reminder.outcome).where(Reminder.user_id == user.id)
    return list(db.session.execute(query.order_by(Reminder.id)).all())


def test_one_reminder_is_sent_at_each_lead_time(alice: User) -> None:
    factories.interview(alice, starts_at=NOW)
    ran = [reminders.remind_due(NOW - timedelta(minutes=left)) for left in range(1500, -60, -1)]
    assert sum(ran) == 2
    first, second = reminders_of(alice)
    assert (first.created_at, second.created_at) == (NOW - 24 * HOUR, NOW - HOUR)


def test_the_email_says_how_soon_in_the_readers_time_zone(alice: User) -> None:
    alice.time_zone = "Asia/Kathmandu"
    factories.interview(alice, starts_at=NOW)
    reminders.remind_due(NOW - HOUR + timedelta(seconds=20))
    (row,) = reminders_of(alice)
    (mail,) = [delivery for delivery in row.deliveries if delivery.channel == "email"]
    assert mail.subject == "Interview begins in 1 hour: Priya Raman, Thursday 12 March 2026 at 14:45"


def test_a_late_run_sends_only_the_closest_reminder(alice: User) -> None:
    factories.interview(alice, starts_at=NOW)
    assert reminders.remind_due(NOW - 20 * MINUTE) == 1
    assert outcomes_of(alice) == [(60, "sent"), (1440, "late")]
    (mail,) = [delivery for delivery in reminders_of(alice)[0].deliveries if delivery.channel == "email"]
    assert (mail.subject or "").startswith("Interview begins in 20 minutes:")


def test_a_longer_lead_time_chosen_later_sends_no_second_reminder(alice: User) -> None:
    factories.interview(alice, starts_at=NOW)
    reminders.remind_due(NOW - 50 * MINUTE)
    alice.preference.reminder_lead_minutes = [60, 120]
    db.session.commit()
    assert reminders.remind_due(NOW - 40 * MINUTE) == 0


def test_reminders_missed_during_an_outage_are_recorded_and_not_sent(
    alice: User,
) -> None:
    factories.interview(alice, starts_at=NOW)
    assert reminders.remind_due(NOW + MINUTE) == 0
    assert outcomes_of(alice) == [(60, "over"), (1440, "over")]


@pytest.mark.parametrize(
    ("kind", "outcome"), [("interview.cancelled", "cancelled"), ("interview.completed", "completed")]
)
def test_cancelled_and_completed_interviews_have_no_reminders(alice: User, kind: str, outcome: str) -> None:
    publish_interview("interview.scheduled", alice, NOW - 72 * HOUR, NOW)
    publish_interview(kind, alice, NOW - 71 * HOUR, None if kind == "interview.completed" else NOW)
    assert reminders.remind_due(NOW - HOUR) == 0
    assert set(outcomes_of(alice)) == {(60, outcome), (1440, outcome)}


def test_a_move_expires_the_sent_reminder_and_skips_the_next(alice: User) -> None:
    publish_interview("interview.scheduled", alice, NOW - 30 * HOUR, NOW)
    reminders.remind_due(NOW - 24 * HOUR)
    publish_interview("interview.rescheduled", alice, NOW - 20 * HOUR, NOW + 48 * HOUR)
    (row,) = reminders_of(alice)
    assert row.expires_at == NOW - 20 * HOUR
    assert set(outcomes_of(alice)) == {(1440, "sent"), (60, "moved")}
    assert reminders.remind_due(NOW - HOUR) == 0
    assert reminders.remind_due(NOW + 24 * HOUR) == 1


@pytest.mark.parametrize(("starts_at", "outcome"), [(NOW + 48 * HOUR, "moved"), (NOW, "left")])
def test_outcomes_stay_with_the_former_recruiter(
    alice: User, charlie: User, starts_at: datetime, outcome: str
) -> None:
    publish_interview("interview.scheduled", alice, NOW - 30 * HOUR, NOW)
    reminders.remind_due(NOW - 24 * HOUR)
    publish_interview("interview.rescheduled", charlie, NOW - 20 * HOUR, starts_at)
    assert set(outcomes_of(alice)) == {(1440, "sent"), (60, outcome)}
    assert outcomes_of(charlie) == []
    assert page_for(alice, Filters(), now=NOW - 20 * HOUR).rows == []
    assert reminders.remind_due(starts_at - HOUR) == 1
    assert len(reminders_of(charlie)) == 1


def test_an_interview_completed_by_mistake_and_rebooked_has_its_reminder(alice: User) -> None:
    publish_interview("interview.scheduled", alice, NOW - 72 * HOUR, NOW)
    publish_interview("interview.completed", alice, NOW - 71 * HOUR)
    publish_interview("interview.scheduled", alice, NOW - 70 * HOUR, NOW)
    assert reminders.remind_due(NOW - HOUR) == 1


def test_a_restored_start_has_its_reminder(alice: User) -> None:
    publish_interview("interview.scheduled", alice, NOW - 72 * HOUR, NOW)
    publish_interview("interview.rescheduled", alice, NOW - 71 * HOUR, NOW + 48 * HOUR)
    publish_interview("interview.rescheduled", alice, NOW - 70 * HOUR, NOW)
    assert reminders.remind_due(NOW - HOUR) == 1


@pytest.mark.parametrize(
    ("kind", "starts_at", "reason"),
    [
        ("interview.cancelled", NOW, "interview_cancelled"),
        ("interview.rescheduled", NOW + 5 * HOUR, "interview_moved"),
        ("interview.completed", None, "interview_over"),
    ],
)
def test_a_held_reminder_is_not_sent_after_its_interview_changed(
    alice: User, kind: str, starts_at: datetime | None, reason: str
) -> None:
    publish_interview("interview.scheduled", alice, NOW - 30 * HOUR, NOW)
    reminders.remind_due(NOW - HOUR)
    publish_interview(kind, alice, NOW - 50 * MINUTE, starts_at)
    assert preflight_reason(alice, NOW - 45 * MINUTE) == reason


def test_a_held_reminder_is_not_sent_after_the_start(alice: User) -> None:
    publish_interview("interview.scheduled", alice, NOW - 30 * HOUR, NOW)
    reminders.remind_due(NOW - HOUR)
    assert preflight_reason(alice, NOW - MINUTE) is None
    assert preflight_reason(alice, NOW) == "interview_over"


@pytest.mark.parametrize(
    ("lead", "delay", "waits"), [(60, 60, False), (15, 60, False), (60, 45, True), (1440, 60, True)]
)
def test_a_reminder_is_not_held_as_unread_beyond_the_start(
    alice: User, lead: int, delay: int, waits: bool
) -> None:
    alice.preference.reminder_lead_minutes, alice.preference.email_delay_minutes = [lead], delay
    db.session.commit()
    publish_interview("interview.scheduled", alice, NOW - 72 * HOUR, NOW)
    assert reminders.remind_due(NOW - lead * MINUTE) == 1
    (mail,) = [delivery for delivery in reminders_of(alice)[0].deliveries if delivery.channel == "email"]
    assert mail.reason == ("unread_wait" if waits else "queued")
    assert preflight_reason(alice, NOW - lead * MINUTE + MINUTE) == ("unread_wait" if waits else None)


def preflight_reason(user: User, now: datetime, number: int = 0) -> str | None:
    db.session.expire_all()
    row = reminders_of(user)[number]
    mail = db.session.scalars(
        select(Delivery).where(Delivery.notification_id == row.id, Delivery.channel == "email")
    )
    (delivery,) = mail
    found = preflight.check_before_sending(delivery, preflight.load_context("email", [delivery], now), now)
    return found.reason if found else None


def subject_at(user: User, number: int, now: datetime) -> str:
    row = reminders_of(user)[number]
    (mail,) = [delivery for delivery in row.deliveries if delivery.channel == "email"]
    return sending_email.compose_email(mail, SITE, now).subject


def test_a_held_email_says_how_soon_the_interview_is_when_sent(alice: User) -> None:
    publish_interview("interview.scheduled", alice, NOW - 30 * HOUR, NOW)
    reminders.remind_due(NOW - HOUR)
    assert subject_at(alice, 0, NOW - 59 * MINUTE).startswith("Interview begins in 1 hour:")
    assert subject_at(alice, 0, NOW - 20 * MINUTE).startswith("Interview begins in 20 minutes:")


def test_a_held_sms_says_how_soon_the_interview_is_when_sent(alice: User) -> None:
    wording.by_name("interview_reminder").sms_text = "In {{time_until}}"
    publish_interview("interview.scheduled", alice, NOW - 30 * HOUR, NOW)
    reminders.remind_due(NOW - HOUR)
    sms = factories.delivery(reminders_of(alice)[0], channel="sms", address="+33612345678", text="In 1 hour")
    assert payloads.build_payload(sms, SITE, NOW - HOUR).text.startswith("In 1 hour")
    assert payloads.build_payload(sms, SITE, NOW - 20 * MINUTE).text.startswith("In 20 minutes")


def test_only_the_last_of_several_held_reminders_is_sent(alice: User) -> None:
    preference_editing.pause(alice, (NOW - 30 * MINUTE).isoformat(), now=NOW - 30 * HOUR)
    publish_interview("interview.scheduled", alice, NOW - 30 * HOUR, NOW)
    for lead in (24 * HOUR, HOUR):
        reminders.remind_due(NOW - lead)
    assert [preflight_reason(alice, NOW - 20 * MINUTE, number) for number in (0, 1)] == ["said_again", None]


def test_four_schedulers_at_once_remind_each_person_once(any_app: Flask) -> None:
    people = [factories.user(f"p{number}@example.test") for number in range(5)]
    for _ in range(4):
        factories.interview(*people, starts_at=NOW)
    assert len(run_at_once(any_app, lambda: reminders.remind_due(NOW - HOUR))) == 4
    per_person = select(func.count()).select_from(Notification).group_by(Notification.recipient_id)
    assert list(db.session.scalars(per_person)) == [4] * 5


# The second of each pair wins.
PAIRS = (
    (("interview.scheduled", NOW), ("interview.cancelled", NOW)),
    (("interview.rescheduled", NOW + 9 * HOUR), ("interview.cancelled", NOW)),
    (("interview.completed", None), ("interview.cancelled", NOW)),
    (("interview.scheduled", NOW + 9 * HOUR), ("interview.rescheduled", NOW)),
    (("interview.rescheduled", NOW), ("interview.rescheduled", NOW + 9 * HOUR)),
    (("interview.scheduled", NOW), ("interview.completed", None)),
)


def test_two_events_of_the_same_instant_have_the_same_result_in_either_order(any_app: Flask) -> None:
    alice, at = factories.user("alice@example.test"), NOW - 72 * HOUR
    for pair in PAIRS:
        for order in (pair, pair[::-1]):
            number = factories.unique()
            publish_interview("interview.scheduled", alice, at - HOUR, NOW - 2 * HOUR, number)
            for kind, starts_at in order:
                publish_interview(kind, alice, at, starts_at, number)
            row = db.session.scalars(select(Interview).where(Interview.external_id == number)).one()
            kind, starts_at = pair[1]
            ended = {"interview.cancelled": "cancelled", "interview.completed": "completed"}
            assert row.status == ended.get(kind, "scheduled"), order
            # The start of a completed interview does not matter.
            assert row.starts_at == starts_at or starts_at is None, order


KINDS = ("interview.scheduled", "interview.rescheduled", "interview.completed", "interview.cancelled")
# Few instants, so that events often share one.
EVENTS = st.tuples(
    st.sampled_from(KINDS),
    st.one_of(st.integers(0, 60), st.sampled_from((0, 20))),
    st.integers(0, 60),
    st.sampled_from((48, 50, 72)),
)


@given(
    history=st.lists(EVENTS, min_size=1, max_size=6),
    runs=st.lists(st.integers(0, 75), min_size=1, max_size=8),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_history_sends_the_reminders_of_a_simple_model(
    app: Flask, history: list[tuple[str, int, int, int]], runs: list[int]
) -> None:
    """Compare events (type, hour of occurrence, of arrival, of the start) and runs of the job with a simple model."""
    user = factories.user(f"{factories.unique()}@example.test")
    number = f"iv-{factories.unique()}"
    steps = sorted(
        [
            (max(happened, arrives), 0, index, (kind, happened, starts))
            for index, (kind, happened, arrives, starts) in enumerate(history)
        ]
        + [(hour, 1, index, None) for index, hour in enumerate(runs)],
        key=lambda step: step[:3],
    )
    model: Model | None = None
    decided: dict[tuple[int, int], int] = {}
    for hour, _, _, event in steps:
        now = NOW + hour * HOUR + MINUTE
        if event is not None:
            kind, happened, starts = event
            publish_interview(
                kind,
                user,
                NOW + happened * HOUR,
                None if kind == "interview.completed" else NOW + starts * HOUR,
                number,
                now=NOW + hour * HOUR,
            )
            model = _applied(model, kind, happened, starts, hour)
            continue
        before = len(reminders_of(user))
        reminders.remind_due(now)
        new = len(reminders_of(user)) - before
        wanted = _wanted(model, decided, hour)
        assert new == len(wanted)
        decided |= wanted
    interview = db.session.scalar(select(Interview).where(Interview.external_id == number))
    for row in reminders_of(user):
        is_true = (
            interview is not None and interview.status == "scheduled" and row.interview_sequence is not None
        )
        is_in_inbox = row.expires_at is None or row.expires_at > now
        # Reminders that are still in the inbox are for the current start.
        assert not is_in_inbox or (is_true and row.expires_at == interview.ends_at)


# Hour of occurrence, index into KINDS, hour of the start, hour at which the start was reported.
Model = tuple[int, int, int | None, int]


def _applied(model: Model | None, kind: str, happened: int, starts: int, hour: int) -> Model:
    rank = KINDS.index(kind)
    is_end = kind == "interview.completed"
    if model is None:
        return (happened, rank, None if is_end else starts, hour)
    known = model[2]
    newest, event = (model[0], model[1], known or 0), (happened, rank, starts)
    if event[:2] < newest[:2] or (event[:2] == newest[:2] and (is_end or starts < newest[2])):
        return (model[0], model[1], known if known is not None or is_end else starts, model[3])
    was_ahead = model[1] < KINDS.index("interview.completed")
    return (happened, rank, known if is_end else starts, model[3] if was_ahead and known == starts else hour)


def _wanted(model: Model | None, decided: dict[tuple[int, int], int], hour: int) -> dict[Any, int]:
    if (
        model is None
        or KINDS[model[1]] not in {"interview.scheduled", "interview.rescheduled"}
        or model[2] is None
        or hour >= model[2]
    ):
        return {}
    start = model[2]
    due = [lead for lead in (1, 24) if model[3] < start - lead <= hour and (start, lead) not in decided]
    nearest = min(due, default=0)
    settled = {(start, lead): hour for lead in due}
    sent = nearest and not any(of_start == start and lead < nearest for of_start, lead in decided)
    for key in settled:
        decided[key] = hour
    return {(start, nearest): hour} if sent else {}


@pytest.mark.parametrize(
    ("hours_ahead", "sent"), [(72, [1440, 60]), (24, [60]), (3, [60]), (1, []), (0.5, []), (-1, [])]
)
def test_a_lead_time_that_had_passed_at_the_booking_sends_nothing(
    alice: User, hours_ahead: float, sent: list[int]
) -> None:
    booked_at = NOW - hours_ahead * HOUR
    publish_interview("interview.scheduled", alice, booked_at, NOW)
    for minutes in range(0, max(int(hours_ahead * 60), 0) + 1, 30):
        reminders.remind_due(booked_at + minutes * MINUTE)
    assert [lead for lead, outcome in outcomes_of(alice) if outcome == "sent"] == sent
    assert len(reminders_of(alice)) == len(sent)


@pytest.mark.parametrize(("moved_by", "sent"), [(-20, []), (2, [60]), (30, [1440, 60])])
def test_a_move_is_followed_by_the_lead_times_still_to_come(
    alice: User, moved_by: int, sent: list[int]
) -> None:
    start = NOW + moved_by * HOUR
    publish_interview("interview.scheduled", alice, NOW - 72 * HOUR, NOW)
    reminders.remind_due(NOW - 24 * HOUR)
    publish_interview("interview.rescheduled", alice, NOW - 20 * HOUR - 30 * MINUTE, start)
    before = len(reminders_of(alice))
    for minutes in range(0, (20 + moved_by) * 60 + 31, 30):
        reminders.remind_due(NOW - 20 * HOUR - 30 * MINUTE + minutes * MINUTE)
    assert len(reminders_of(alice)) - before == len(sent)


def test_a_booking_that_arrives_late_counts_from_its_arrival(alice: User) -> None:
    data = factories.event_body(recipients=[alice.email])["data"]
    data = {name: value for name, value in data.items() if name != "recipients"}
    data |= {"starts_at": NOW, "ends_at": NOW + HOUR}
    event = publish.IncomingEvent("/t", "late", "interview.scheduled", NOW - 72 * HOUR, data, [alice.email])
    publish.publish(event, now=NOW - 3 * HOUR)
    assert reminders.remind_due(NOW - 3 * HOUR) == 0
    assert reminders.remind_due(NOW - HOUR) == 1


def test_a_recruiter_who_takes_over_is_not_reminded_of_what_was_just_reported(
    alice: User, charlie: User
) -> None:
    publish_interview("interview.scheduled", alice, NOW - 72 * HOUR, NOW)
    reminders.remind_due(NOW - 24 * HOUR)
    publish_interview("interview.rescheduled", charlie, NOW - 3 * HOUR, NOW)
    assert reminders.remind_due(NOW - 3 * HOUR) == 0
    assert reminders.remind_due(NOW - HOUR) == 1
    assert len(reminders_of(charlie)) == 1


def test_a_change_of_the_place_keeps_the_reminders_to_come(alice: User) -> None:
    publish_interview("interview.scheduled", alice, NOW - 72 * HOUR, NOW)
    publish_interview("interview.rescheduled", alice, NOW - 24 * HOUR, NOW)
    assert reminders.remind_due(NOW - 24 * HOUR + MINUTE) == 1


def test_a_lead_time_chosen_after_the_booking_reminds_when_it_comes(alice: User) -> None:
    publish_interview("interview.scheduled", alice, NOW - 3 * HOUR, NOW)
    alice.preference.reminder_lead_minutes = [120]
    db.session.commit()
    assert reminders.remind_due(NOW - 2 * HOUR - MINUTE) == 0
    assert reminders.remind_due(NOW - 2 * HOUR) == 1
    assert reminders.remind_due(NOW - HOUR) == 0


@pytest.mark.parametrize("outcome", ["moved", "cancelled", "completed", "left", "sent", "late", "passed"])
def test_only_a_withdrawn_reminder_is_due_again(outcome: str) -> None:
    decided = reminders.decide(NOW + 30 * MINUTE, [60], {60: outcome}, NOW)
    assert decided == ({60: "sent"} if outcome in {"moved", "cancelled", "completed", "left"} else {})

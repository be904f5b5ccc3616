"""Settling digests: one for each person and date, however many processes run the job or are killed."""

from __future__ import annotations

import os
import signal
import tracemalloc
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import event, select, text

from app.catalog import DAILY_DIGEST, WEEKLY_SUMMARY
from app.channels.base import Message
from app.database.base import db
from app.models import Delivery, Digest, User
from app.services.digests import contents as digest_contents
from app.services.digests import settle
from app.services.sending import email as sending_email
from app.services.sending import preflight
from tests.support import factories, statements
from tests.support.threads import run_at_once
from tests.support.time_zones import ZONES

# A Thursday; 08:00 in Paris.
NOW = datetime(2026, 3, 12, 7, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
SITE = sending_email.SiteIdentity(
    "https://bellhop.test", "Bellhop <bellhop@bellhop.test>", "a key for tests only"
)


def subscriber(name: str = "alice", zone: str = "Europe/Paris", **preference: object) -> User:
    wants = {"daily_digest": True, **preference}
    return factories.user(f"{name}@example.test", time_zone=zone, preference=wants)


def digests_of(user: User) -> list[Delivery]:
    query = select(Delivery).where(
        Delivery.recipient_id == user.id, Delivery.kind.in_([DAILY_DIGEST, WEEKLY_SUMMARY])
    )
    return list(db.session.scalars(query.order_by(Delivery.id).execution_options(populate_existing=True)))


def dates(user: User) -> list[date]:
    return list(
        db.session.scalars(select(Digest.local_date).where(Digest.user_id == user.id).order_by(Digest.id))
    )


def email_of(user: User, now: datetime = NOW) -> Message:
    return sending_email.compose_email(digests_of(user)[-1], SITE, now)


def test_a_digest_lists_unread_notifications_by_category_newest_first(app: Flask) -> None:
    alice = subscriber()
    for number in range(18):
        factories.notification(
            alice,
            f"Resume {number}",
            notification_type="resume_processed",
            created_at=NOW - HOUR * (40 + number),
        )
    for number in range(4):
        factories.notification(
            alice, f"Interview {number}", created_at=NOW - HOUR * (2 + number), priority="high"
        )
    factories.notification(alice, "Read already", read_at=NOW - HOUR, created_at=NOW - 2 * HOUR)
    factories.notification(alice, "Done already", archived_at=NOW - HOUR, created_at=NOW - 2 * HOUR)
    factories.notification(alice, "Over", expires_at=NOW - HOUR, created_at=NOW - 2 * HOUR)
    factories.notification(alice, "Later", surfaced_at=NOW + HOUR, created_at=NOW - 2 * HOUR)
    assert settle.send_due(DAILY_DIGEST, NOW) == 1
    text = email_of(alice).text
    assert "Interviews (4)" in text
    assert "Resumes (18)" in text
    assert "and 2 more" in text
    places = [text.index(f"Interview {number}") for number in range(4)]
    assert places == sorted(places)
    assert places[-1] < text.index("Resumes (18)") < text.index("Resume 0")
    assert sum(line.startswith("- ") for line in text.splitlines()) == 20
    for absent in ("Read already", "Done already", "Over", "Later", "Resume 17"):
        assert absent not in text


def test_a_busy_category_does_not_hide_the_others(any_app: Flask) -> None:
    alice = subscriber()
    for number in range(30):
        factories.notification(alice, f"Interview {number}", created_at=NOW - HOUR, priority="high")
    for number in range(3):
        kind = "resume_processed"
        factories.notification(
            alice, f"Resume {number}", notification_type=kind, created_at=NOW - HOUR * (20 + number)
        )
    settle.send_due(DAILY_DIGEST, NOW)
    text = email_of(alice).text
    assert "Interviews (30)" in text
    assert "Resumes (3)" in text
    assert sum("Resume 2 (" in line for line in text.splitlines()) == 1
    assert sum(line.startswith("- ") for line in text.splitlines()) == 20
    assert "and 13 more" in text


def test_an_interview_that_moved_three_times_is_one_line(any_app: Flask) -> None:
    alice = subscriber()
    moved, other = factories.interview(alice), factories.interview(alice)
    booked = NOW + 48 * HOUR
    for number in range(4):
        move = {"previous_starts_at": (booked + (number - 1) * HOUR).isoformat()} if number else {}
        factories.notification(
            alice,
            "Priya Raman: interview moved" if number else "Interview Scheduled for Priya Raman",
            notification_type="interview_rescheduled" if number else "interview_scheduled",
            interview_id=moved.id,
            facts={"starts_at": (booked + number * HOUR).isoformat(), "company_name": "Fjord"} | move,
            created_at=NOW - HOUR * (9 - number),
        )
    for number in range(2):
        factories.notification(alice, f"Single {number}", created_at=NOW - HOUR)
    factories.notification(alice, "Another interview", interview_id=other.id, created_at=NOW - HOUR)
    settle.send_due(DAILY_DIGEST, NOW)
    text = email_of(alice).text
    assert "Interviews (7)" in text
    assert "- 02:00  Priya Raman: interview moved (Sat 14 Mar 08:00 → 11:00 · Fjord · moved 3 times)" in text
    assert sum(line.startswith("- ") for line in text.splitlines()) == 4
    assert " more" not in text
    oldest = digest_contents.load_oldest(alice.id, NOW, NOW, 5)
    assert (oldest[0].title, oldest[0].covers) == ("Priya Raman: interview moved", 4)
    assert len(oldest) == 4


@pytest.mark.parametrize(
    ("wanted", "room"),
    [
        ({"a": 100, "b": 1}, {"a": 19, "b": 1}),
        ({"a": 100, "b": 100, "c": 100}, {"a": 6, "b": 7, "c": 7}),
        ({"a": 2, "b": 3}, {"a": 2, "b": 3}),
        (dict.fromkeys("abcdef", 500), {"a": 3, "b": 3, "c": 3, "d": 3, "e": 4, "f": 4}),
        ({}, {}),
    ],
)
def test_lines_are_shared_between_categories(wanted: dict[str, int], room: dict[str, int]) -> None:
    assert digest_contents.divide_lines(wanted, 20) == room


def test_the_agenda_comes_first_in_the_readers_time_zone(app: Flask) -> None:
    alice = subscriber(zone="Asia/Kathmandu")
    factories.notification(alice, created_at=NOW - HOUR)
    factories.interview(alice, starts_at=NOW + 3 * HOUR, candidate_name="Omar Haddad")
    factories.interview(alice, starts_at=NOW + 3.5 * HOUR, candidate_name="Aisha Khan")
    factories.interview(alice, starts_at=NOW + 30 * HOUR, candidate_name="Leila Farouk")
    over = NOW - 3 * HOUR
    late = {"status": "completed", "starts_at": over, "completed_at": over, "candidate_name": "Jonas Weber"}
    factories.interview(alice, **late)
    factories.interview(alice, starts_at=NOW + 60 * HOUR, candidate_name="Too late")
    factories.interview(alice, starts_at=NOW + 3 * HOUR, candidate_name="Cancelled", status="cancelled")
    factories.interview(
        factories.user("other@example.test"), starts_at=NOW + 3 * HOUR, candidate_name="Another's"
    )
    settle.send_due(DAILY_DIGEST, NOW)
    made = email_of(alice)
    assert made.subject == "2 interviews today, 1 unread"
    assert 'mso-hide:all;">15:45 Omar Haddad, Staff Data Engineer · 16:15 Aisha Khan' in made.html
    wanted = (
        "Today's interviews",
        "- 15:45  Omar Haddad, Staff Data Engineer (Overlaps another interview · Alder Robotics)",
        "Tomorrow's interviews",
        "Leila Farouk",
        "Evaluations due",
        "Jonas Weber",
        "Interviews (1)",
    )
    places = [made.text.index(each) for each in wanted]
    assert places == sorted(places)
    assert all(absent not in made.text for absent in ("Too late", "Cancelled", "Another's"))


def test_a_date_with_nothing_unread_is_settled_without_an_email(app: Flask) -> None:
    alice = subscriber()
    assert settle.send_due(DAILY_DIGEST, NOW) == 0
    factories.notification(alice, created_at=NOW + HOUR)
    assert settle.send_due(DAILY_DIGEST, NOW + 2 * HOUR) == 0
    assert (digests_of(alice), dates(alice)) == ([], [date(2026, 3, 12)])


@pytest.mark.parametrize(
    "preference", [{"daily_digest": False}, {"email_enabled": False}, {"paused_until": NOW + HOUR}]
)
def test_people_who_do_not_want_a_digest_get_none(app: Flask, preference: dict[str, object]) -> None:
    alice = subscriber(**preference)
    factories.notification(alice, created_at=NOW - HOUR)
    assert settle.send_due(DAILY_DIGEST, NOW) == 0


def test_a_digest_is_held_during_quiet_hours(app: Flask) -> None:
    alice = subscriber(quiet_enabled=True, digest_hour=7)
    factories.notification(alice, created_at=NOW - 2 * HOUR)
    settle.send_due(DAILY_DIGEST, NOW - HOUR)
    (held,) = digests_of(alice)
    assert held.reason == "quiet_hours"
    assert timedelta(minutes=30) <= held.due_at - (NOW - HOUR) <= timedelta(minutes=35)


def test_notifications_by_email_only_are_in_the_digest(app: Flask) -> None:
    alice = subscriber(in_app_enabled=False)
    row = factories.notification(alice, "Only by mail", surfaced_at=None, created_at=NOW - HOUR)
    factories.delivery(row, state="skipped", reason="in_digest")
    other = factories.notification(alice, "Switched off", surfaced_at=None, created_at=NOW - HOUR)
    factories.delivery(other, state="skipped", reason="category_off")
    settle.send_due(DAILY_DIGEST, NOW)
    assert "Only by mail" in email_of(alice).text
    assert "Switched off" not in email_of(alice).text


@pytest.mark.parametrize("kind", [DAILY_DIGEST, WEEKLY_SUMMARY])
def test_notifications_outside_the_inbox_are_sorted_by_age(any_app: Flask, kind: str) -> None:
    alice = subscriber(weekly_summary=True)
    rows = {
        hours: factories.notification(alice, f"{hours} h old", created_at=NOW - HOUR * hours)
        for hours in (1, 2, 3, 10, 11, 12)
    }
    for hours in (2, 11):
        rows[hours].surfaced_at = None
        factories.delivery(rows[hours], state="skipped", reason="in_digest")
    db.session.commit()
    rows_listed = (
        digest_contents.load_newest([alice.id], NOW, NOW, 3)[alice.id].newest
        if kind == DAILY_DIGEST
        else digest_contents.load_oldest(alice.id, NOW, NOW, 3)
    )
    assert [row.title for row in rows_listed] == [
        f"{hours} h old" for hours in ((1, 2, 3) if kind == DAILY_DIGEST else (12, 11, 10))
    ]
    assert digest_contents.count_arrivals(alice.id, NOW - 24 * HOUR, NOW) == {"interview": 6}


def test_notifications_read_before_sending_are_left_out_and_an_empty_digest_is_not_sent(app: Flask) -> None:
    alice = subscriber()
    rows = [factories.notification(alice, f"Number {number}", created_at=NOW - HOUR) for number in range(2)]
    settle.send_due(DAILY_DIGEST, NOW)
    factories.notification(alice, "Newer", created_at=NOW + HOUR)
    rows[0].read_at = NOW + HOUR
    db.session.commit()
    text = email_of(alice, NOW + 2 * HOUR).text
    assert "Number 1" in text
    assert "Number 0" not in text
    assert "Newer" not in text
    rows[1].read_at = NOW + HOUR
    db.session.commit()
    assert preflight_reason(digests_of(alice)[0]) == "read_before_sending"


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [("daily_digest", False, "digest_off"), ("paused_until", NOW + 5 * HOUR, "paused")],
)
def test_a_digest_turned_off_or_paused_before_sending_is_not_sent(
    app: Flask, field: str, value: object, reason: str
) -> None:
    alice = subscriber()
    factories.notification(alice, created_at=NOW - HOUR)
    settle.send_due(DAILY_DIGEST, NOW)
    assert preflight_reason(digests_of(alice)[0]) is None
    setattr(alice.preference, field, value)
    db.session.commit()
    assert preflight_reason(digests_of(alice)[0]) == reason


def preflight_reason(delivery: Delivery) -> str | None:
    found = preflight.check_before_sending(
        delivery, preflight.load_context("email", [delivery], NOW + 2 * HOUR), NOW + 2 * HOUR
    )
    return found.reason if found else None


def test_a_digest_has_its_own_unsubscribe_link(app: Flask) -> None:
    alice = subscriber()
    factories.notification(alice, "Élodie & <b>Co</b>", created_at=NOW - HOUR)
    settle.send_due(DAILY_DIGEST, NOW)
    made = email_of(alice)
    assert made.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert made.headers["List-Unsubscribe"].strip("<>") in made.html
    assert made.subject == "1 unread"
    assert "Élodie &amp; &lt;b&gt;Co&lt;/b&gt;" in made.html
    assert "<script" not in made.html
    assert "<img" not in made.html


def test_the_summary_compares_the_week_with_the_week_before(app: Flask) -> None:
    """On Monday 16 March at 08:00 in Paris, the weeks start on the 9th and on the 2nd."""
    monday = datetime(2026, 3, 16, 7, tzinfo=UTC)
    alice = subscriber(daily_digest=False, weekly_summary=True)
    for number in range(4):
        factories.notification(
            alice, f"This {number}", created_at=monday - timedelta(days=1 + number), read_at=monday
        )
    for number in range(2):
        factories.notification(alice, f"Old {number}", created_at=monday - timedelta(days=8 + number))
    factories.notification(
        alice, "Today", created_at=monday - HOUR, notification_type="job_created", read_at=monday
    )
    factories.interview(alice, starts_at=monday + timedelta(days=2), candidate_name="Omar Haddad")
    assert settle.send_due(WEEKLY_SUMMARY, monday) == 1
    made = email_of(alice, monday)
    assert "Interviews: 4 (was 2)" in made.text
    assert "Jobs:" not in made.text
    assert made.text.index("Old 1") < made.text.index("Old 0")
    assert "Omar Haddad" in made.text
    assert 'width="50%"' in made.html
    assert "<img" not in made.html
    assert settle.send_due(WEEKLY_SUMMARY, monday + HOUR) == 0


def test_a_long_digest_stays_under_60_kb(app: Flask) -> None:
    alice = subscriber()
    for number in range(40):
        factories.notification(
            alice, f"{number} {'Ünïcödé ' * 30}"[:255], created_at=NOW - HOUR * (number + 1)
        )
    settle.send_due(DAILY_DIGEST, NOW)
    assert len(email_of(alice).html.encode()) < 60_000


def test_four_schedulers_at_once_send_one_digest_each_person(any_app: Flask) -> None:
    people = [subscriber(f"p{number}") for number in range(8)]
    for person in people:
        factories.notification(person, created_at=NOW - HOUR)
    assert sum(run_at_once(any_app, lambda: settle.send_due(DAILY_DIGEST, NOW))) == len(people)
    assert [len(digests_of(person)) for person in people] == [1] * len(people)


@pytest.mark.parametrize("when", ["before_commit", "after_commit"])
def test_after_being_killed_at_any_commit_the_next_run_continues(
    any_app: Flask, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    monkeypatch.setattr(settle, "CHUNK", 2)
    people = [subscriber(f"p{number}") for number in range(6)]
    for person in people:
        factories.notification(person, created_at=NOW - HOUR)
    db.session.remove()
    db.engine.dispose()
    killed = 0
    for number in range(1, 20):
        if _run_and_be_killed(number, when) == 0:
            break
        killed += 1
    assert killed > 1
    assert [len(digests_of(person)) for person in people] == [1] * len(people)


def _run_and_be_killed(number: int, when: str) -> int:
    """Run the job in a child process that kills itself at its n-th commit; return the signal that ended it."""
    child = os.fork()
    if child == 0:
        seen = [0]

        def count(_session: object) -> None:
            seen[0] += 1
            if seen[0] == number:
                os.kill(os.getpid(), signal.SIGKILL)

        event.listen(db.session, when, count)
        settle.send_due(DAILY_DIGEST, NOW)
        os._exit(0)
    return os.WTERMSIG(os.waitpid(child, 0)[1])


OUTAGE = (datetime(2019, 4, 5, tzinfo=UTC), datetime(2019, 4, 8, tzinfo=UTC))
TRAVELS = (
    (datetime(2018, 3, 20, 12, tzinfo=UTC), "America/New_York"),
    (datetime(2018, 11, 4, 18, tzinfo=UTC), "Asia/Kathmandu"),
    (datetime(2019, 7, 1, 3, tzinfo=UTC), "Pacific/Apia"),
    (datetime(2019, 7, 1, 9, tzinfo=UTC), "America/Sao_Paulo"),
)


@pytest.mark.long
def test_two_years_in_six_zones_with_a_traveller_and_an_outage(app: Flask) -> None:
    """2018 and 2019, when all these time zones except Nepal changed their clocks.

    The job runs every seven hours, so it runs at every time of day.
    """
    people = {zone: subscriber(zone.rpartition("/")[2], zone) for zone in ZONES}
    traveller = subscriber("traveller", "Europe/Paris")
    for person in (*people.values(), traveller):
        factories.notification(person, created_at=datetime(2017, 1, 1, tzinfo=UTC))
    db.session.execute(text("PRAGMA synchronous = OFF"))
    start = datetime(2018, 1, 1, tzinfo=UTC)
    runs = [now for n in range(2502) if not OUTAGE[0] <= (now := start + 7 * n * HOUR) < OUTAGE[1]]
    travels = list(TRAVELS)
    for now in runs:
        while travels and travels[0][0] <= now:
            traveller.time_zone = travels.pop(0)[1]
            db.session.commit()
        settle.send_due(DAILY_DIGEST, now)
    for zone, person in people.items():
        local = [now.astimezone(ZoneInfo(zone)) for now in runs]
        wanted = sorted({now.date() for now in local if now.hour >= 8})
        assert 730 - 4 <= len(wanted) <= 730, "all dates except those of the outage"
        assert dates(person) == wanted
        assert [one.created_at.astimezone(ZoneInfo(zone)).date() for one in digests_of(person)] == wanted
    moved = dates(traveller)
    assert moved == sorted(set(moved))
    assert len(moved) == len(digests_of(traveller)) >= 730 - 4 - len(TRAVELS)


def test_memory_is_constant_and_statements_are_linear_in_people(app: Flask) -> None:
    _add_subscribers(100, 0)  # Fills caches that are filled once.
    _measure_run()
    _add_subscribers(200, 1)
    few, few_bytes = _measure_run()
    _add_subscribers(600, 2)
    many, many_bytes = _measure_run()
    # The earlier subscribers count too: there are three times as many, in full chunks.
    assert many <= 3.5 * few
    assert many_bytes < 1.5 * few_bytes + 300_000


def _add_subscribers(count: int, run: int) -> None:
    """Add subscribers with five unread notifications each and no digest yet."""
    db.session.add_all(
        factories.bare_user(f"m{run}-{number}@example.test", preference={"daily_digest": True})
        for number in range(count)
    )
    db.session.commit()
    db.session.execute(
        text(
            "INSERT INTO notifications (recipient_id, notification_type, category, title, message, priority, status,"
            " channels, metadata, action_url, created_at, surfaced_at) SELECT users.id, 'job_created', 'job', 'New',"
            " '', 'low', 'sent', '[]', '{}', '', :then, :then FROM users, (VALUES (1), (2), (3), (4), (5))"
            " WHERE users.email LIKE :emails"
        ),
        {"then": "2026-03-12 06:00:00.000000", "emails": f"m{run}-%"},
    )
    db.session.commit()
    db.session.remove()


def _measure_run() -> tuple[int, int]:
    """Return the number of statements and the peak memory, in bytes, of one run of the job."""
    with statements.recorded() as seen:
        tracemalloc.start()
        settle.send_due(DAILY_DIGEST, NOW + 2 * HOUR)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return len(seen), peak


def test_a_summary_after_an_outage_from_monday_to_thursday_is_sent_once_and_says_so(app: Flask) -> None:
    alice = subscriber(daily_digest=False, weekly_summary=True)
    factories.notification(alice, created_at=NOW - timedelta(days=20))
    last_monday = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
    assert settle.send_due(WEEKLY_SUMMARY, last_monday) == 1
    assert "late" not in email_of(alice, last_monday).text
    thursday = NOW + 4 * HOUR
    assert [settle.send_due(WEEKLY_SUMMARY, thursday + n * HOUR) for n in range(3)] == [1, 0, 0]
    late = "This summary is late. It was due on Monday 9 March 2026."
    assert late in email_of(alice, thursday).text
    assert late in email_of(alice, thursday).html
    monday = datetime(2026, 3, 16, 7, 0, tzinfo=UTC)
    assert digests_of(alice)[-1].expires_at <= monday
    assert settle.send_due(WEEKLY_SUMMARY, monday) == 1
    assert "This summary is late" not in email_of(alice, monday).text
    assert dates(alice) == [date(2026, 3, 2), date(2026, 3, 9), date(2026, 3, 16)]

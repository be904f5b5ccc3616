"""Digests in the database: one a person and date, whoever runs the job and however often it is killed."""

from __future__ import annotations

import os
import signal
import threading
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
from tests.support import factories
from tests.support.time_zones import ZONES

# A Thursday; 08:00 in Paris.
NOW = datetime(2026, 3, 12, 7, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
SENDER = sending_email.SiteIdentity(
    "https://bellhop.test", "Bellhop <bellhop@bellhop.test>", "a key for tests only"
)


def reader(name: str = "alice", zone: str = "Europe/Paris", **preference: object) -> User:
    wants = {"daily_digest": True, **preference}
    return factories.user(f"{name}@example.test", time_zone=zone, preference=wants)


def mails(user: User) -> list[Delivery]:
    query = select(Delivery).where(
        Delivery.recipient_id == user.id, Delivery.kind.in_([DAILY_DIGEST, WEEKLY_SUMMARY])
    )
    return list(db.session.scalars(query.order_by(Delivery.id).execution_options(populate_existing=True)))


def dates(user: User) -> list[date]:
    return list(
        db.session.scalars(select(Digest.local_date).where(Digest.user_id == user.id).order_by(Digest.id))
    )


def mail(user: User, now: datetime = NOW) -> Message:
    return sending_email.compose_email(mails(user)[-1], SENDER, now)


def test_it_lists_what_is_still_unread_newest_first_under_categories_with_counts(app: Flask) -> None:
    alice = reader()
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
    text = mail(alice).text
    assert "Interviews (4)" in text
    assert "Resumes (18)" in text
    assert "and 2 more" in text
    places = [text.index(f"Interview {number}") for number in range(4)]
    assert places == sorted(places)
    assert places[-1] < text.index("Resumes (18)") < text.index("Resume 0")
    assert sum(line.startswith("- ") for line in text.splitlines()) == 20
    for absent in ("Read already", "Done already", "Over", "Later", "Resume 17"):
        assert absent not in text


def test_a_busy_category_hides_no_other(any_app: Flask) -> None:
    alice = reader()
    for number in range(30):
        factories.notification(alice, f"Interview {number}", created_at=NOW - HOUR, priority="high")
    for number in range(3):
        kind = "resume_processed"
        factories.notification(
            alice, f"Resume {number}", notification_type=kind, created_at=NOW - HOUR * (20 + number)
        )
    settle.send_due(DAILY_DIGEST, NOW)
    text = mail(alice).text
    assert "Interviews (30)" in text
    assert "Resumes (3)" in text
    assert [line.split()[-2:] for line in text.splitlines() if line.startswith("- ")].count(
        ["Resume", "2"]
    ) == 1
    assert sum(line.startswith("- ") for line in text.splitlines()) == 20
    assert "and 13 more" in text


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
def test_lines_are_shared_and_none_is_left_empty(wanted: dict[str, int], room: dict[str, int]) -> None:
    assert digest_contents.shares(wanted, 20) == room


def test_the_interviews_of_the_day_stand_on_top_on_the_readers_clock(app: Flask) -> None:
    alice = reader(zone="Asia/Kathmandu")
    factories.notification(alice, created_at=NOW - HOUR)
    factories.interview(alice, starts_at=NOW + 3 * HOUR, candidate_name="Omar Haddad")
    factories.interview(alice, starts_at=NOW + 30 * HOUR, candidate_name="Tomorrow")
    factories.interview(alice, starts_at=NOW + 3 * HOUR, candidate_name="Cancelled", status="cancelled")
    factories.interview(
        factories.user("other@example.test"), starts_at=NOW + 3 * HOUR, candidate_name="Another's"
    )
    settle.send_due(DAILY_DIGEST, NOW)
    text = mail(alice).text
    assert "- 15:45  Omar Haddad" in text
    assert text.index("Interviews of the day") < text.index("Interviews (1)")
    assert all(absent not in text for absent in ("Tomorrow", "Cancelled", "Another's"))


def test_nothing_unread_means_no_mail_and_the_date_is_settled(app: Flask) -> None:
    alice = reader()
    assert settle.send_due(DAILY_DIGEST, NOW) == 0
    factories.notification(alice, created_at=NOW + HOUR)
    assert settle.send_due(DAILY_DIGEST, NOW + 2 * HOUR) == 0
    assert (mails(alice), dates(alice)) == ([], [date(2026, 3, 12)])


@pytest.mark.parametrize(
    "preference", [{"daily_digest": False}, {"email_enabled": False}, {"paused_until": NOW + HOUR}]
)
def test_whoever_does_not_want_it_gets_none(app: Flask, preference: dict[str, object]) -> None:
    alice = reader(**preference)
    factories.notification(alice, created_at=NOW - HOUR)
    assert settle.send_due(DAILY_DIGEST, NOW) == 0


def test_quiet_hours_hold_the_mail_until_they_end(app: Flask) -> None:
    alice = reader(quiet_enabled=True, digest_hour=7)
    factories.notification(alice, created_at=NOW - 2 * HOUR)
    settle.send_due(DAILY_DIGEST, NOW - HOUR)
    (held,) = mails(alice)
    assert held.reason == "quiet_hours"
    assert timedelta(minutes=30) <= held.due_at - (NOW - HOUR) <= timedelta(minutes=35)


def test_what_goes_only_by_mail_is_in_the_digest_that_stands_for_that_mail(app: Flask) -> None:
    alice = reader(in_app_enabled=False)
    row = factories.notification(alice, "Only by mail", surfaced_at=None, created_at=NOW - HOUR)
    factories.delivery(row, state="skipped", reason="in_digest")
    other = factories.notification(alice, "Switched off", surfaced_at=None, created_at=NOW - HOUR)
    factories.delivery(other, state="skipped", reason="category_off")
    settle.send_due(DAILY_DIGEST, NOW)
    assert "Only by mail" in mail(alice).text
    assert "Switched off" not in mail(alice).text


@pytest.mark.parametrize("kind", [DAILY_DIGEST, WEEKLY_SUMMARY])
def test_what_has_no_row_in_the_inbox_stands_by_its_age_among_the_others(any_app: Flask, kind: str) -> None:
    alice = reader(weekly_summary=True)
    rows = {
        hours: factories.notification(alice, f"{hours} h old", created_at=NOW - HOUR * hours)
        for hours in (1, 2, 3, 10, 11, 12)
    }
    for hours in (2, 11):
        rows[hours].surfaced_at = None
        factories.delivery(rows[hours], state="skipped", reason="in_digest")
    db.session.commit()
    some = (
        digest_contents.newest(alice, {"interview": 6}, NOW, NOW, 3)
        if kind == DAILY_DIGEST
        else digest_contents.oldest(alice, NOW, NOW, 3)
    )
    assert [row.title for row in some] == [
        f"{hours} h old" for hours in ((1, 2, 3) if kind == DAILY_DIGEST else (12, 11, 10))
    ]
    assert digest_contents.arrived(alice, NOW - 24 * HOUR, NOW) == {"interview": 6}


def test_what_is_read_before_it_is_sent_is_not_in_it_and_an_empty_one_is_not_sent(app: Flask) -> None:
    alice = reader()
    rows = [factories.notification(alice, f"Number {number}", created_at=NOW - HOUR) for number in range(2)]
    settle.send_due(DAILY_DIGEST, NOW)
    factories.notification(alice, "Newer", created_at=NOW + HOUR)
    rows[0].read_at = NOW + HOUR
    db.session.commit()
    text = mail(alice, NOW + 2 * HOUR).text
    assert "Number 1" in text
    assert "Number 0" not in text
    assert "Newer" not in text
    rows[1].read_at = NOW + HOUR
    db.session.commit()
    assert objection(mails(alice)[0]) == "read_before_sending"


def test_one_switched_off_before_it_is_sent_is_not_sent(app: Flask) -> None:
    alice = reader()
    factories.notification(alice, created_at=NOW - HOUR)
    settle.send_due(DAILY_DIGEST, NOW)
    assert objection(mails(alice)[0]) is None
    alice.preference.daily_digest = False
    db.session.commit()
    assert objection(mails(alice)[0]) == "digest_off"


def test_one_that_is_due_waits_while_its_reader_pauses(app: Flask) -> None:
    alice = reader()
    factories.notification(alice, created_at=NOW - HOUR)
    settle.send_due(DAILY_DIGEST, NOW)
    alice.preference.paused_until = NOW + 5 * HOUR
    db.session.commit()
    assert objection(mails(alice)[0]) == "paused"


def objection(delivery: Delivery) -> str | None:
    found = preflight.check_before_sending(
        delivery, preflight.load_context("email", [delivery]), NOW + 2 * HOUR
    )
    return found.reason if found else None


def test_its_mail_carries_an_unsubscribe_link_of_its_own(app: Flask) -> None:
    alice = reader()
    factories.notification(alice, "Élodie & <b>Co</b>", created_at=NOW - HOUR)
    settle.send_due(DAILY_DIGEST, NOW)
    made = mail(alice)
    assert made.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert made.headers["List-Unsubscribe"].strip("<>") in made.html
    assert made.subject == "Your Day: 1 Unread"
    assert "Élodie &amp; &lt;b&gt;Co&lt;/b&gt;" in made.html
    assert "<script" not in made.html
    assert "<img" not in made.html


def test_the_summary_has_the_week_beside_the_one_before_in_bars_of_a_table(app: Flask) -> None:
    """Monday 16 March, 08:00 in Paris, looks at the week from the 9th and at that from the 2nd."""
    monday = datetime(2026, 3, 16, 7, tzinfo=UTC)
    alice = reader(daily_digest=False, weekly_summary=True)
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
    made = mail(alice, monday)
    assert "Interviews: 4 (was 2)" in made.text
    assert "Jobs:" not in made.text
    assert made.text.index("Old 1") < made.text.index("Old 0")
    assert "Omar Haddad" in made.text
    assert 'width="50%"' in made.html
    assert "<img" not in made.html
    assert settle.send_due(WEEKLY_SUMMARY, monday + HOUR) == 0


def test_a_digest_of_nearly_anything_stays_under_60_kb(app: Flask) -> None:
    alice = reader()
    for number in range(40):
        factories.notification(
            alice, f"{number} {'Ünïcödé ' * 30}"[:255], created_at=NOW - HOUR * (number + 1)
        )
    settle.send_due(DAILY_DIGEST, NOW)
    assert len(mail(alice).html.encode()) < 60_000


def test_four_schedulers_at_once_send_one_each(any_app: Flask) -> None:
    people = [reader(f"p{number}") for number in range(8)]
    for person in people:
        factories.notification(person, created_at=NOW - HOUR)
    failures, sent = [], []

    def run() -> None:
        with any_app.app_context():
            try:
                sent.append(settle.send_due(DAILY_DIGEST, NOW))
            except Exception as error:  # noqa: BLE001 (handed to the test)
                failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (failures, sum(sent)) == ([], len(people))
    assert [len(mails(person)) for person in people] == [1] * len(people)


@pytest.mark.parametrize("when", ["before_commit", "after_commit"])
def test_killed_at_any_commit_it_goes_on_where_it_was(
    any_app: Flask, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    monkeypatch.setattr(settle, "CHUNK", 2)
    people = [reader(f"p{number}") for number in range(6)]
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
    assert [len(mails(person)) for person in people] == [1] * len(people)


def _run_and_be_killed(number: int, when: str) -> int:
    """Run the job in a process of its own, which is really killed at its n-th commit; answers the signal."""
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


def test_two_years_in_six_zones_with_a_traveller_and_an_outage(app: Flask) -> None:
    """2018 and 2019, in which all these zones but Nepal change their clocks, spring and autumn.

    The job runs every seven hours, so at any time of the day by turns.
    """
    people = {zone: reader(zone.rpartition("/")[2], zone) for zone in ZONES}
    traveller = reader("traveller", "Europe/Paris")
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
        assert 730 - 4 <= len(wanted) <= 730, "all dates but those of the outage"
        assert dates(person) == wanted
        assert [one.created_at.astimezone(ZoneInfo(zone)).date() for one in mails(person)] == wanted
    moved = dates(traveller)
    assert moved == sorted(set(moved))
    assert len(moved) == len(mails(traveller)) >= 730 - 4 - len(TRAVELS)


def test_memory_does_not_grow_with_people_and_work_grows_no_faster_than_they(app: Flask) -> None:
    _many(100, 0)  # What is only built once is built here.
    _measured()
    _many(200, 1)
    few, few_bytes = _measured()
    _many(600, 2)
    many, many_bytes = _measured()
    # The people of before are looked at too: there are three times as many, in whole chunks.
    assert many <= 3.5 * few
    assert many_bytes < 1.5 * few_bytes + 300_000


def _many(count: int, run: int) -> None:
    """That many readers with five unread each, who have had no digest yet."""
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
            " WHERE users.email LIKE :some"
        ),
        {"then": "2026-03-12 06:00:00.000000", "some": f"m{run}-%"},
    )
    db.session.commit()
    db.session.remove()


def _measured() -> tuple[int, int]:
    """Statements and the most bytes that one run of the job takes."""
    seen: list[str] = []
    listener = (db.engine, "before_cursor_execute", lambda *call: seen.append(call[2]))
    event.listen(*listener)
    tracemalloc.start()
    settle.send_due(DAILY_DIGEST, NOW + 2 * HOUR)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    event.remove(*listener)
    return len(seen), peak

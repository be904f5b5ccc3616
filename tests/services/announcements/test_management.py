from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select, text

from app.clock import utc_now
from app.database.base import db
from app.models import Announcement, AuditEntry, Delivery, Notification, User
from app.services.accounts import administration as people
from app.services.announcements import (
    management as announcement_management,
)
from app.services.announcements import (
    progress as announcement_progress,
)
from app.services.announcements import (
    writer,
)
from app.services.announcements.validation import AnnouncementRequest
from app.services.base.errors import Conflict, Forbidden, Invalid
from app.services.sending import scheduled
from tests.support import factories

NEWS = {"title": "Maintenance tonight", "message": "Bellhop sleeps from 22:00 to 22:30."}


def crowd(count: int, **fields: object) -> None:
    db.session.add_all(factories.bare_user(f"p{number}@example.test", **fields) for number in range(count))
    db.session.commit()


def rows_each() -> set[int]:
    """How many notifications each recipient has."""
    counted = select(func.count()).select_from(Notification).group_by(Notification.recipient_id)
    return set(db.session.scalars(counted))


def reached() -> list[str]:
    query = select(User.email).join(Notification, Notification.recipient_id == User.id)
    return sorted(db.session.scalars(query))


def test_people_named_by_address_get_it_at_once_each_once(any_app: Flask) -> None:
    alice, bob = factories.user("alice@example.test"), factories.user("bob@example.test", role="admin")
    factories.user("charlie@example.test")
    wanted = AnnouncementRequest(
        recipients=["alice@example.test", "BOB@example.test", "alice@example.test"], **NEWS
    )
    made = announcement_management.create(bob, wanted)
    assert made.state == "written"
    assert [email for email, _ in announcement_progress.list_recipients(made)] == [alice.email, bob.email]
    row = db.session.scalars(select(Notification).where(Notification.recipient_id == alice.id)).one()
    assert (row.title, row.message) == (NEWS["title"], NEWS["message"])
    assert (row.notification_type, row.priority, row.status) == ("system_alert", "medium", "sent")
    assert {delivery.channel for delivery in row.deliveries} == {"email", "in_app"}


def test_roles_and_everyone_mean_active_people_only(any_app: Flask) -> None:
    bob = factories.user("bob@example.test", role="admin")
    factories.user("alice@example.test")
    people.deactivate(factories.user("gone@example.test").id, actor=bob)
    assert announcement_management.create(bob, AnnouncementRequest(roles=["recruiter"], **NEWS)).total == 1
    assert reached() == ["alice@example.test"]
    assert announcement_management.create(bob, AnnouncementRequest(everyone=True, **NEWS)).total == 2
    assert reached() == ["alice@example.test", "alice@example.test", "bob@example.test"]
    assert announcement_management.count(AnnouncementRequest(roles=["recruiter", "admin"])) == 2


def test_a_template_gives_the_words_and_its_own_priority(bob: User, alice: User) -> None:
    announcement_management.create(
        bob,
        AnnouncementRequest(
            recipients=[alice.email],
            template_name="job_created",
            context={"job_title": "Pilot", "company_name": "Aero"},
            priority="high",
        ),
    )
    row = db.session.scalars(select(Notification)).one()
    assert (row.notification_type, row.title, row.priority) == ("job_created", "New Job: Pilot", "high")


def test_times_in_a_context_are_shown_on_the_readers_clock(bob: User) -> None:
    factories.user("paris@example.test", time_zone="Europe/Paris")
    context = {
        "candidate_name": "Priya Raman",
        "job_title": "Engineer",
        "company_name": "Alder",
        "starts_at": "2031-03-12T14:00:00Z",
    }
    announcement_management.create(
        bob,
        AnnouncementRequest(
            recipients=["paris@example.test"], template_name="interview_scheduled", context=context
        ),
    )
    assert "15:00" in db.session.scalars(select(Notification)).one().message


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"recipients": None}, "recipients"),
        ({"everyone": True}, "recipients"),
        ({"recipients": []}, "recipients"),
        ({"recipients": ["alice@example.test", "nobody@example.test"]}, "recipients[1]"),
        ({"recipients": ["alice@example.test", "x"]}, "recipients[1]"),
        ({"recipients": None, "roles": ["king"]}, "roles"),
        ({"recipients": None, "roles": []}, "roles"),
        ({"title": "  "}, "title"),
        ({"title": "x" * 256}, "title"),
        ({"title": "two\nlines"}, "title"),
        ({"message": ""}, "message"),
        ({"message": "x" * 10_001}, "message"),
        ({"priority": "loud"}, "priority"),
        ({"channels": []}, "channels"),
        ({"channels": ["pigeon"]}, "channels"),
        ({"notification_type": "gossip"}, "notification_type"),
        ({"action_url": "javascript:alert(1)"}, "action_url"),
        ({"action_url": "//evil.example"}, "action_url"),
        ({"metadata": {"a": "x" * 20_000}}, "metadata"),
        ({"template_name": "job_created"}, "template_name"),
        ({"template_name": "nothing", "title": "", "message": ""}, "template_name"),
        (
            {"template_name": "job_created", "title": "", "message": "", "context": {"job_title": "Pilot"}},
            "context.company_name",
        ),
        (
            {
                "template_name": "interview_scheduled",
                "title": "",
                "message": "",
                "context": {"starts_at": "soon"},
            },
            "context",
        ),
        ({"deliver_at": utc_now() - timedelta(hours=1)}, "deliver_at"),
        ({"deliver_at": datetime(9999, 12, 31, tzinfo=UTC)}, "deliver_at"),
        ({"notification_type": "daily_digest"}, "notification_type"),
    ],
)
def test_what_cannot_be_used_is_named_and_nothing_is_written(
    bob: User, alice: User, wrong: dict[str, object], field: str
) -> None:
    wanted = {"recipients": [alice.email], **NEWS, **wrong}
    with pytest.raises(Invalid) as refused:
        announcement_management.create(bob, AnnouncementRequest(**wanted))
    assert field in refused.value.errors
    assert db.session.scalar(select(func.count()).select_from(Announcement)) == 0
    assert db.session.scalar(select(func.count()).select_from(Notification)) == 0


def test_only_admins_announce_and_cancel(alice: User, bob: User) -> None:
    with pytest.raises(Forbidden):
        announcement_management.create(alice, AnnouncementRequest(everyone=True, **NEWS))
    made = announcement_management.create(bob, AnnouncementRequest(everyone=True, **NEWS))
    with pytest.raises(Forbidden):
        announcement_management.cancel(alice, made.id)


def test_the_same_form_sent_twice_announces_once(any_app: Flask) -> None:
    bob = factories.user("bob@example.test", role="admin")
    wanted = AnnouncementRequest(everyone=True, **NEWS)
    first = announcement_management.create(bob, wanted, key="form-1")
    assert announcement_management.create(bob, wanted, key="form-1").id == first.id
    assert announcement_management.create(bob, wanted, key="form-2").id != first.id
    assert rows_each() == {2}


@pytest.mark.parametrize(
    "other",
    [{"title": "Maintenance tomorrow"}, {"everyone": False, "roles": ["admin"]}, {"priority": "high"}],
)
def test_a_form_sent_again_with_something_else_in_it_is_not_dropped_in_silence(
    bob: User, alice: User, other: dict[str, object]
) -> None:
    wanted = AnnouncementRequest(everyone=True, channels=["in_app"], **NEWS)
    announcement_management.create(bob, wanted, key="form-1")
    with pytest.raises(Conflict):
        announcement_management.create(bob, replace(wanted, **other), key="form-1")


def test_a_form_for_later_sent_again_when_its_time_is_over_is_still_the_same(bob: User, alice: User) -> None:
    now = utc_now()
    wanted = AnnouncementRequest(everyone=True, deliver_at=now + timedelta(hours=1), **NEWS)
    first = announcement_management.create(bob, wanted, key="form-1", now=now)
    again = announcement_management.create(bob, wanted, key="form-1", now=now + timedelta(hours=3))
    assert again.id == first.id


def test_it_is_not_sent_to_more_people_than_were_announced(bob: User, alice: User) -> None:
    wanted = AnnouncementRequest(everyone=True, **NEWS)
    with pytest.raises(Conflict):
        announcement_management.create(bob, wanted, expected=1)
    assert announcement_management.create(bob, wanted, expected=2).written == 2


def test_cancelled_before_its_time_nobody_gets_anything(any_app: Flask) -> None:
    bob = factories.user("bob@example.test", role="admin")
    crowd(230)
    factories.user("nothing@example.test", preference={"system_notifications": False})
    now = utc_now()
    at = now + timedelta(hours=3)
    small = announcement_management.create(
        bob, AnnouncementRequest(recipients=["p1@example.test"], deliver_at=at, **NEWS), now=now
    )
    large = announcement_management.create(
        bob, AnnouncementRequest(everyone=True, deliver_at=at, **NEWS), now=now
    )
    writer.write_due(now)
    assert small.state == large.state == "written"
    for made in (small, large):
        announcement_management.cancel(bob, made.id, now=now + timedelta(hours=2))
    assert scheduled.show_scheduled(at + timedelta(hours=1)) == 0
    assert set(db.session.scalars(select(Delivery.state))) == {"cancelled", "skipped"}
    assert set(db.session.scalars(select(Notification.status))) == {"cancelled"}
    assert set(db.session.scalars(select(Notification.surfaced_at))) == {None}
    assert (small.written, large.written) == (0, 0)


def test_cancelled_while_it_goes_out_nobody_else_gets_it(any_app: Flask) -> None:
    bob = factories.user("bob@example.test", role="admin")
    crowd(450)
    made = announcement_management.create(bob, AnnouncementRequest(everyone=True, **NEWS))
    assert (made.state, made.written, made.total) == ("writing", 0, 451)
    writer._write_batch(made.id, utc_now())  # One chunk of the job's loop.
    announcement_management.cancel(bob, made.id)
    assert writer.write_due() == 0
    assert len(reached()) == made.written == writer.CHUNK
    assert "cancelled" not in set(db.session.scalars(select(Delivery.state)))
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "announcement.cancelled")).one()
    assert entry.detail == {"id": made.id, "kept": writer.CHUNK}


@pytest.mark.parametrize(("people", "state"), [(100, "written"), (101, "writing")])
def test_a_hundred_people_have_it_when_the_request_is_answered(bob: User, people: int, state: str) -> None:
    crowd(people - 1)
    made = announcement_management.create(bob, AnnouncementRequest(everyone=True, **NEWS))
    assert made.state == state
    assert len(announcement_progress.list_recipients(made)) == (100 if state == "written" else 0)


def test_two_writers_at_once_write_to_nobody_twice(any_app: Flask) -> None:
    bob = factories.user("bob@example.test", role="admin")
    crowd(600)
    made = announcement_management.create(bob, AnnouncementRequest(everyone=True, **NEWS))
    counts: list[int] = []

    def write() -> None:
        with any_app.app_context():
            counts.append(writer.write_due())

    threads = [threading.Thread(target=write) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    db.session.refresh(made)
    assert sum(counts) == made.written == made.total == 601
    assert rows_each() == {1}


def test_what_everybody_has_cannot_be_cancelled(bob: User, alice: User) -> None:
    made = announcement_management.create(bob, AnnouncementRequest(everyone=True, **NEWS))
    with pytest.raises(Conflict):
        announcement_management.cancel(bob, made.id)


def test_progress_counts_deliveries_by_channel_and_outcome(bob: User) -> None:
    factories.user("quiet@example.test", preference={"email_enabled": False})
    made = announcement_management.create(bob, AnnouncementRequest(everyone=True, **NEWS))
    assert announcement_progress.count_deliveries(made) == {
        "in_app": Counter(sent=2),
        "email": Counter(waiting=1, withheld=1),
    }


KILLED = """
import os, signal
from sqlalchemy import event
from app import create_app
from app.services.announcements import writer

app = create_app()
with app.app_context():
    from app.database.base import db
    commits = 0
    def count(_connection):
        global commits
        commits += 1
        if commits > {chunks}:
            os.kill(os.getpid(), signal.SIGKILL)
    event.listen(db.engine, "commit", count)
    writer.write_due()
"""


def test_ten_thousand_people_get_it_once_each_although_its_writer_is_killed_again_and_again(
    app: Flask, bob: User, database_file: Path
) -> None:
    crowd_of(9_999)
    # The work it takes, not the wait for a busy machine.
    before = time.thread_time()
    made = announcement_management.create(bob, AnnouncementRequest(everyone=True, **NEWS))
    assert time.thread_time() - before < 1
    assert made.written == 0
    environ = os.environ | {
        "DATABASE_URL": f"sqlite:///{database_file}",
        "SECRET_KEY": "a key for tests only",
        "BELLHOP_DEMO": "0",
    }
    # SQLAlchemy says "commit" before it happens: each process dies with a chunk written and not committed.
    for chunks in (3, 7, 12):
        done = subprocess.run(  # Our own interpreter and our own words.
            [sys.executable, "-c", KILLED.format(chunks=chunks)],
            env=environ,
            cwd=Path(__file__).resolve().parents[3],
            check=False,
        )
        assert done.returncode == -signal.SIGKILL
    db.session.refresh(made)
    assert 0 < made.written < 10_000
    assert len(reached()) == made.written
    writer.write_due()
    db.session.refresh(made)
    assert (made.state, made.written, made.total) == ("written", 10_000, 10_000)
    assert rows_each() == {1}
    assert len(reached()) == 10_000


def crowd_of(count: int) -> None:
    """So many recruiters, made by the database itself."""
    numbers = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
    columns = ", ".join(
        column.name
        for column in db.metadata.tables["users"].columns
        if column.name not in {"id", "email", "name", "role"}
    )
    rest = ", ".join(
        column.name
        for column in db.metadata.tables["user_notification_preferences"].columns
        if column.name != "user_id"
    )
    db.session.execute(
        text(
            f"{numbers} INSERT INTO users (email, name, role, {columns}) "  # Our own names.
            f"SELECT 'c' || i || '@example.test', 'Crowd ' || i, 'recruiter', {columns} "
            "FROM n, (SELECT * FROM users LIMIT 1)"
        )
    )
    db.session.execute(
        text(
            f"INSERT INTO user_notification_preferences (user_id, {rest}) "  # Our own names.
            f"SELECT users.id, {rest} FROM users, (SELECT * FROM user_notification_preferences LIMIT 1) AS p "
            "WHERE users.email LIKE 'c%@example.test' AND users.name LIKE 'Crowd %'"
        )
    )
    db.session.commit()

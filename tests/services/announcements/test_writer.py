"""Announcements are written in chunks, once to each person, even if writers are killed or run in parallel."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, text

from app.clock import utc_now
from app.database.base import db
from app.models import AuditEntry, Delivery, User
from app.services.announcements import management as announcement_management
from app.services.announcements import progress as announcement_progress
from app.services.announcements import writer
from app.services.announcements.validation import AnnouncementRequest
from tests.support import factories
from tests.support.announcements import NEWS, crowd, reached, rows_each


def test_an_announcement_cancelled_while_it_is_written_reaches_no_one_else(any_app: Flask) -> None:
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
def test_up_to_a_hundred_people_receive_it_within_the_request(bob: User, people: int, state: str) -> None:
    crowd(people - 1)
    made = announcement_management.create(bob, AnnouncementRequest(everyone=True, **NEWS))
    assert made.state == state
    assert len(announcement_progress.list_recipients(made)) == (100 if state == "written" else 0)


def test_parallel_writers_write_to_each_person_once(any_app: Flask) -> None:
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


@pytest.mark.long
def test_ten_thousand_people_receive_it_once_although_its_writer_is_killed_repeatedly(
    app: Flask, bob: User, database_file: Path
) -> None:
    crowd_of(9_999)
    # CPU time, because the machine may be busy.
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
        done = subprocess.run(  # Our own interpreter and our own arguments.
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
    """Create many recruiters with one statement."""
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

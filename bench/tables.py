"""One person's notifications in a table of a thousand rows and in one of a million: each filled once a run."""

from __future__ import annotations

import atexit
import sqlite3
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path

from flask import Flask
from sqlalchemy import text

from app.clock import utc_now
from app.database.base import db
from app.services.accounts import tokens, users
from bench.rounds import migrated_app, scratch_folder

SMALL, LARGE = 1_000, 1_000_000
# How many of the large table's rows are the person's own; the small one's all are. Ten of twelve are unread.
OWN = 12_000
OTHERS = 1_000


@dataclass(frozen=True)
class Table:
    """A filled database, and the person whose notifications are looked at."""

    app: Flask
    path: Path
    reader: int
    token: str

    def touch(self) -> None:
        """Write something, as somebody does all the time: what the application remembered is forgotten."""
        with sqlite3.connect(self.path) as connection:
            connection.execute(
                "UPDATE users SET inbox_version = inbox_version + 1 WHERE id <> ?", (self.reader,)
            )


@cache
def table(rows: int) -> Table:
    """The table of so many rows; it is gone when the run is over."""
    resources = ExitStack()
    atexit.register(resources.close)
    folder = resources.enter_context(scratch_folder())
    app = migrated_app(folder)
    with app.app_context():
        reader = users.create_user(
            "reader@example.test", "Reader", role="recruiter", password="a long password"
        )
        _, token = tokens.create(reader, "bench", ["read"])
        _fill(reader.id, rows)
        db.session.remove()
        db.engine.dispose()
    return Table(app, folder / "bellhop.db", reader.id, token)


def _fill(owner: int, rows: int) -> None:
    """The owner's rows among those of a thousand others: a quarter stands in stacks of ten, each tenth says "costa"."""
    now = utc_now().replace(tzinfo=None)
    db.session.execute(
        text(
            "INSERT INTO users (email, name, role, is_enabled, time_zone, locale, phone, session_epoch, inbox_version,"
            " created_at) WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :others)"
            " SELECT 'other' || i || '@example.test', 'Other', 'recruiter', 1, 'UTC', 'en', '', 0, 0, :now FROM n"
        ),
        {"now": now, "others": OTHERS},
    )
    db.session.execute(
        text(
            "INSERT INTO notifications (recipient_id, notification_type, category, title, message, words, stack_key,"
            " priority, status, channels, metadata, action_url, created_at, surfaced_at, sent_at, read_at)"
            " WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows),"
            # `turn` counts a person's own rows, whoever it is.
            " m AS (SELECT i, i / :step AS turn, datetime(:now, '-' || i || ' seconds') || '.000000' AS at FROM n),"
            " row AS (SELECT *, CASE WHEN turn % 10 THEN 'Priya Raman' ELSE 'Ana Costa' END AS name FROM m)"
            " SELECT CASE WHEN i % :step THEN :owner + 1 + i % :others ELSE :owner END, 'interview_scheduled',"
            " 'interview', 'Interview Scheduled for ' || name, 'Booked for Thursday at 14:00.',"
            " 'interview scheduled for ' || lower(name) || ' booked for thursday at 14 00',"
            " CASE WHEN turn % 4 THEN '' ELSE 'interview_scheduled-' || (turn / 40) END,"
            " 'high', 'sent', '[\"email\", \"in_app\"]', '{}', '', at, at, :now,"
            " CASE WHEN turn % 6 THEN NULL ELSE :now END FROM row"
        ),
        {"rows": rows, "owner": owner, "others": OTHERS, "step": max(rows // OWN, 1)}
        | {"now": now - timedelta(minutes=1)},
    )
    db.session.execute(text("ANALYZE"))
    db.session.commit()

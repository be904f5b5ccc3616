"""Fills an empty database with one person's notifications among those of others."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

from sqlalchemy import insert, make_url

from app.database.base import db
from app.models import User
from app.services.accounts import tokens, users
from app.services.notifications import saved_views
from app.services.notifications.saved_views import SavedFilter
from bench.rounds import migrated

# The person's own rows in the large table; in the small one all are. Ten of twelve are unread.
OWN = 12_000
OTHERS = 1_000
VIEWS = {
    "Urgent": SavedFilter("unread", priority=("high", "urgent")),
    "Interviews": SavedFilter("inbox", category=("interview",)),
    "Ana": SavedFilter("all", search="costa"),
    "Priya": SavedFilter("unread", search="priya raman"),
    "Saved": SavedFilter("saved"),
}


def make(url: str, rows: int, database: str, others: int = OTHERS) -> dict[str, Any]:
    """Fill an empty database; returns the reader's id and token by name."""
    app = migrated(url)
    with app.app_context():
        reader = users.create_user(
            "reader@example.test", "Reader", role="recruiter", password="a long password"
        )
        _, token = tokens.create(reader, "bench", ["read", "write"])
        for name, wanted in VIEWS.items():
            saved_views.create(reader, name, wanted)
        people = [{"email": f"other{number}@example.test", "name": "Other"} for number in range(others)]
        db.session.execute(insert(User), people)
        db.session.commit()
        reader_id = reader.id
        with closing(connect(url)) as connection:
            _fill(connection, database, reader_id, rows, others)
        db.session.remove()
        db.engine.dispose()
    return {"reader": reader_id, "token": token}


def connect(url: str) -> Any:
    """Open a connection of the driver's own."""
    if url.startswith("sqlite"):
        path = make_url(url).database
        return sqlite3.connect(str(path), timeout=20, isolation_level=None, check_same_thread=False)
    import psycopg

    return psycopg.connect(url.replace("+psycopg", ""), autocommit=True)


# When a row appeared, `i` seconds ago.
AT = {
    "sqlite": "datetime('now', '-' || i || ' seconds') || '.000000'",
    "postgresql": "now() - i * interval '1 second'",
}
# Filling is fast with more memory, and with the search index built at once.
BEFORE = {
    "sqlite": (
        "PRAGMA cache_size = -500000",
        "PRAGMA synchronous = OFF",
        "INSERT INTO notification_search (notification_search, rank) VALUES ('hashsize', 100000000)",
    ),
    "postgresql": ("SET maintenance_work_mem = '1GB'", "DROP INDEX ix_notification_search_words"),
}
AFTER = {
    "sqlite": (
        "INSERT INTO notification_search (notification_search, rank) VALUES ('hashsize', 1048576)",
        "PRAGMA cache_size = -2000",
        "PRAGMA synchronous = FULL",
        "ANALYZE",
    ),
    "postgresql": (
        """CREATE INDEX ix_notification_search_words ON notification_search
            USING gin (words) WITH (gin_pending_list_limit = 256)""",
        "VACUUM ANALYZE",
    ),
}


def _fill(connection: Any, database: str, owner: int, rows: int, others: int) -> None:
    """Insert the owner's rows among those of others.

    A quarter is in stacks of ten, a tenth matches "costa", and every three-thousandth "quill".
    """
    step, at = max(rows // OWN, 1), AT[database]
    fill = f"""
        INSERT INTO notifications (recipient_id, notification_type, category, title, message, words, stack_key,
            priority, status, channels, metadata, action_url, created_at, surfaced_at, sent_at, read_at)
        WITH RECURSIVE n(i) AS (SELECT 60 UNION ALL SELECT i + 1 FROM n WHERE i < {rows + 60}),
            -- `turn` counts the rows of each person.
            m AS (SELECT i, i / {step} AS turn, {at} AS at FROM n),
            row AS (SELECT *, CASE WHEN turn % 3000 = 7 THEN 'Zoe Quill' WHEN turn % 10 <> 0 THEN 'Priya Raman'
                ELSE 'Ana Costa' END AS name FROM m)
        SELECT CASE WHEN i % {step} <> 0 THEN {owner} + 1 + i % {others} ELSE {owner} END, 'interview_scheduled',
            'interview', 'Interview Scheduled for ' || name, 'Booked for Thursday at 14:00.',
            -- "q" is written "qq" there.
            'interview scheduled for ' || replace(lower(name), 'q', 'qq') || ' booked for thursday at 14 00',
            CASE WHEN turn % 4 <> 0 THEN '' ELSE 'interview_scheduled-' || (turn / 40) END,
            'high', 'sent', '["email", "in_app"]', '{{}}', '', at, at, at,
            CASE WHEN turn % 6 <> 0 THEN NULL ELSE at END FROM row"""
    for statement in (*BEFORE[database], fill, *AFTER[database]):
        connection.execute(statement)

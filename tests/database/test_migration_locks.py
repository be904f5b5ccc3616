"""On PostgreSQL, people read and write while a newer version migrates: no table is locked for longer than a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
import pytest
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import make_url

from app.database.base import db
from tests.conftest import MIGRATIONS, make_app
from tests.support import factories

# The schema of the first release.
FIRST_RELEASE = "0014"
ROWS = {"users": 5000, "interviews": 2000, "events": 20_000, "notifications": 20_000}
ROWS |= {"deliveries": 20_000, "delivery_attempts": 20_000, "audit_entries": 20_000}
# `n` is the number of the row.
VALUES = {
    "email": "'person' || n || '@example.test'",
    "recipient_id": "1 + n % 5000",
    "delivery_id": "n",
    "event_id": "n",
    "notification_id": "n",
    "interview_id": "NULL",
    "actor_id": "NULL",
    "title": "'Interview with Zoë ' || n",
    "data": """'{"candidate_name": "Priya Raman", "job_title": "Engineer", "company_name": "Alder"}'""",
    "surfaced_at": "now()",
    "channels": "'[\"email\"]'",
    "state": "'sent'",
}
BY_TYPE = {"timestamp with time zone": "now()", "boolean": "false", "jsonb": "'{}'"}
BY_TYPE |= dict.fromkeys(("bigint", "integer", "smallint"), "n")
BY_TYPE |= dict.fromkeys(("text", "character varying"), "'x' || n")


@pytest.fixture
def old_database(postgres: str, migrated_postgres: str) -> Iterator[str]:
    """The URL of a database of the first release, with rows."""
    name = f"old{factories.unique()}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url = make_url(postgres).set(database=name)
    app = make_app(url.set(drivername="postgresql+psycopg"))
    plain = url.render_as_string(hide_password=False)
    with app.app_context():
        upgrade(MIGRATIONS, revision=FIRST_RELEASE)
        with psycopg.connect(plain) as connection:
            for table, count in ROWS.items():
                fill(connection, table, count)
        yield plain
        db.session.remove()
        db.engine.dispose()
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def fill(connection: psycopg.Connection, table: str, count: int) -> None:
    """Insert rows with a value in every column that needs one."""
    columns = connection.execute(
        "SELECT column_name, data_type, is_nullable = 'NO' AND column_default IS NULL"
        " FROM information_schema.columns WHERE table_name = %s AND column_name <> 'id'",
        (table,),
    ).fetchall()
    values = {
        name: VALUES.get(name, BY_TYPE.get(kind))
        for name, kind, is_needed in columns
        if is_needed or name in VALUES
    }
    connection.execute(
        f"INSERT INTO {table} ({', '.join(values)}) SELECT {', '.join(map(str, values.values()))}"
        f" FROM generate_series(1, {count}) AS n"
    )


class Visitor(threading.Thread):
    """Takes a lock as writes do, which wait for more than reads, on each table in turn; keeps the longest wait."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._url, self._is_done = url, threading.Event()
        self.longest, self.table, self.rounds = 0.0, "", 0

    def run(self) -> None:
        with psycopg.connect(self._url) as connection:
            while not self._is_done.is_set() or not self.rounds:
                found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
                for (table,) in found.fetchall():
                    began_at = time.monotonic()
                    # The migration may drop or rename it meanwhile.
                    with suppress(psycopg.errors.UndefinedTable):
                        connection.execute(f"LOCK TABLE {table} IN ROW EXCLUSIVE MODE")
                    waited = time.monotonic() - began_at
                    connection.rollback()
                    if waited > self.longest:
                        self.longest, self.table = waited, table
                self.rounds += 1

    def stop(self) -> None:
        self._is_done.set()
        self.join(30)


@contextmanager
def visiting(url: str) -> Iterator[Visitor]:
    """Visit every table while the block runs."""
    visitor = Visitor(url)
    visitor.start()
    try:
        yield visitor
    finally:
        visitor.stop()


def later_revisions() -> list[str]:
    scripts = reversed(list(ScriptDirectory(MIGRATIONS).walk_revisions()))
    return [script.revision for script in scripts if script.revision > FIRST_RELEASE]


@pytest.mark.long
def test_no_migration_locks_a_table_for_a_second(old_database: str) -> None:
    waits = {}
    for revision in later_revisions():
        with visiting(old_database) as visitor:
            upgrade(MIGRATIONS, revision=revision)
        assert visitor.rounds
        waits[revision] = (round(visitor.longest, 2), visitor.table)
    assert {name: wait for name, wait in waits.items() if wait[0] >= 1} == {}


def test_a_lock_is_noticed(pg_app: Flask) -> None:
    url = db.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url) as migration:
        migration.execute("LOCK TABLE users IN SHARE MODE")
        with visiting(url) as visitor:
            release = threading.Timer(0.3, migration.rollback)
            release.start()
            release.join()
    assert visitor.table == "users"
    assert visitor.longest > 0.1

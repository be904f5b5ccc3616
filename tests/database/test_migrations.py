"""Migrations go up, down and up again, wait for tables that are in use, and say what a newer database needs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from itertools import islice
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import insert, inspect, text

from app.database.base import db
from app.models import Notification
from app.search_text import index_text
from app.services.accounts import tokens
from app.services.operations.migrations import schema_version
from tests.conftest import MIGRATIONS
from tests.support import factories

ROOT = Path(__file__).resolve().parents[2]
NEXT = '''"""Add a column."""

import sqlalchemy as sa
from alembic import op

revision = "9001"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("notifications", sa.Column("colour", sa.String(10), nullable=True))
    op.add_column("users", sa.Column("colour", sa.String(10), nullable=True))


def downgrade() -> None:
    op.drop_column("users", "colour")
    op.drop_column("notifications", "colour")
'''


def head() -> str:
    return str(ScriptDirectory(MIGRATIONS).get_current_head())


def schema() -> dict[str, set[str]]:
    found = inspect(db.engine)
    return {
        table: {column["name"] for column in found.get_columns(table)}
        | {str(index["name"]) for index in found.get_indexes(table)}
        for table in found.get_table_names()
    }


@pytest.fixture
def newer_code(tmp_path: Path) -> str:
    """The migrations of a later version."""
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder)
    (folder / "versions" / "9001_colour.py").write_text(NEXT.format(head=head()))
    return str(folder)


def test_migrations_go_up_down_and_up_again(any_app: Flask) -> None:
    before = schema()
    db.session.remove()
    downgrade(MIGRATIONS, revision="base")
    assert set(schema()) <= {"alembic_version"}
    upgrade(MIGRATIONS)
    assert schema() == before


@pytest.mark.parametrize("newest", [5, pytest.param(None, id="all", marks=pytest.mark.long)])
def test_each_migration_can_be_taken_back_alone(any_app: Flask, newest: int | None) -> None:
    db.session.remove()
    upgraded = {}
    for script in islice(ScriptDirectory(MIGRATIONS).walk_revisions(), newest):
        upgraded[script.revision] = schema()
        downgrade(MIGRATIONS, revision="-1")
    for revision in sorted(upgraded):
        upgrade(MIGRATIONS, revision=revision)
        assert schema() == upgraded[revision], revision


def test_a_migration_that_indexes_again_may_be_interrupted(
    any_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = factories.user("alice@example.test")
    values = {"recipient_id": alice.id, "notification_type": "system_alert", "category": "system"}
    values |= {"message": "", "channels": []}
    db.session.execute(insert(Notification), [values | {"title": f"Zoë {number}"} for number in range(2500)])
    db.session.commit()
    downgrade(MIGRATIONS, revision="0016")
    db.session.execute(text("UPDATE notifications SET words = 'old'"))
    db.session.commit()
    done = 0

    def stop_in_the_third_chunk(title: str, message: str) -> str:
        nonlocal done
        done += 1
        if done > 2200:
            raise KeyboardInterrupt
        return index_text(title, message)

    def old() -> int:
        count = db.session.scalar(text("SELECT count(*) FROM notifications WHERE words = 'old'"))
        db.session.rollback()
        return count

    with monkeypatch.context() as patch:
        patch.setattr("app.search_text.index_text", stop_in_the_third_chunk)
        with pytest.raises(KeyboardInterrupt):
            upgrade(MIGRATIONS)
    assert old() == (500 if db.engine.dialect.name == "postgresql" else 2500)
    upgrade(MIGRATIONS)
    assert old() == 0
    assert schema_version().is_current


def test_events_are_posted_while_newer_code_migrates(pg_app: Flask, newer_code: str) -> None:
    alice = factories.user("alice@example.test", "Alice Moreau")
    _, bearer = tokens.create(alice, "test", ["events"])
    headers = {"Authorization": f"Bearer {bearer}"}
    statuses: list[int] = []
    is_done, has_begun = threading.Event(), threading.Event()

    def post() -> None:
        client = pg_app.test_client()
        while not is_done.wait(0.1):  # Below the rate limit.
            body = factories.event_body(recipients=[alice.email])
            statuses.append(client.post("/api/events/", json=body, headers=headers).status_code)
            has_begun.set()

    posters = [threading.Thread(target=post) for _number in range(4)]
    for poster in posters:
        poster.start()
    has_begun.wait(30)
    # The migration has to wait for a long transaction: it must retry instead of blocking everyone.
    with db.engine.connect() as reader:
        reader.execute(text("SELECT count(*) FROM notifications"))
        release = threading.Timer(2, reader.rollback)
        release.start()
        upgrade(newer_code)
        release.join()
    is_done.set()
    for poster in posters:
        poster.join()
    assert set(statuses) == {201}
    assert "colour" in schema()["notifications"]
    assert pg_app.test_client().get("/readyz").status_code == 200


def test_older_code_explains_how_to_go_back_from_a_newer_database(
    app: Flask, newer_code: str, database_file: Path
) -> None:
    upgrade(newer_code)
    db.session.remove()
    db.engine.dispose()
    env = os.environ | {
        "DATABASE_URL": f"sqlite:///{database_file}",
        "SECRET_KEY": "0123456789abcdef0123456789abcdef",
        "FLASK_APP": "wsgi:app",
    }
    command = [sys.executable, "-m", "flask", "db", "upgrade"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"The database (9001) is newer than this version of Bellhop ({head()})." in done.stderr
    assert f"flask db downgrade {head()}" in done.stderr
    assert "Traceback" not in done.stderr
    downgrade(newer_code, revision=head())
    db.engine.dispose()
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("content", [b"this is not a database, it is a text" * 40, b""])
def test_a_database_that_cannot_be_migrated_is_explained(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "bellhop.db"
    file.write_bytes(content)
    env = os.environ | {
        "DATABASE_URL": f"sqlite:///{file}",
        "SECRET_KEY": "0123456789abcdef0123456789abcdef",
        "FLASK_APP": "wsgi:app",
    }
    command = [sys.executable, "-m", "flask", "jobs", "run", "sweep"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "The database is unavailable" in done.stderr
    assert "Traceback" not in done.stderr

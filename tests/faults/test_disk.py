"""While the disk is full or the data folder is gone, requests get a 503 with a sentence; then all goes on."""

from __future__ import annotations

import resource
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import event, func, select

from app.database.base import db
from app.models import Delivery, Event, Notification, User
from tests.conftest import make_app
from tests.support import factories
from tests.support.sessions import open_session

SENTENCE = "The database is not responding. Nothing was changed. Try again in a moment."


@contextmanager
def files_cannot_grow() -> Iterator[None]:
    """Let this process write no file beyond the length that SQLite's log has before the first change."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (32 * 1024, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def database_is_full() -> Iterator[None]:
    """Let SQLite itself refuse to grow, as it does on a full disk."""

    def limit(connection: sqlite3.Connection, _record: object) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")

    db.engine.dispose()
    event.listen(db.engine, "connect", limit)
    try:
        yield
    finally:
        event.remove(db.engine, "connect", limit)
        db.session.remove()
        db.engine.dispose()


@pytest.mark.parametrize("fault", [files_cannot_grow, database_is_full])
def test_on_a_full_disk_nothing_is_half_written_and_reading_goes_on(
    fault: Callable[[], object], app: Flask, alice: User, token: Callable[..., dict[str, str]]
) -> None:
    headers, client = token(alice, "events"), app.test_client()
    signed_in = open_session(app.test_client(), alice)
    emails = [factories.user(f"p{number}@example.test").email for number in range(40)]
    event_body = factories.event_body(recipients=emails)
    with db.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    db.session.remove()

    def post() -> tuple[int, str]:
        response = client.post("/api/events/", json=event_body, headers=headers)
        return response.status_code, response.headers.get("Retry-After", "")

    with fault():
        assert post() == (503, "5")
        assert signed_in.get("/notifications").status_code == 200
    counts = [
        db.session.scalar(select(func.count()).select_from(table))
        for table in (Event, Notification, Delivery)
    ]
    assert counts == [0, 0, 0]
    assert post()[0] == 201
    assert db.session.scalar(select(func.count()).select_from(Notification)) == 40


def test_a_data_folder_that_is_moved_away_is_a_503_and_is_found_again_or_restored(
    migrated_file: Path, tmp_path: Path
) -> None:
    data, away, backup = (tmp_path / name for name in ("data", "away", "backup.db"))
    data.mkdir()
    file = Path(shutil.copy(migrated_file, data / "bellhop.db"))
    app = make_app(f"sqlite:///{file}")
    with app.app_context():
        alice = factories.user("alice@example.test")
        client = open_session(app.test_client(), alice)
        factories.notification(alice, "Before the backup")
        db.session.remove()
        with sqlite3.connect(file) as source, sqlite3.connect(backup) as copy:
            source.backup(copy)
        data.rename(away)
        response = client.get("/notifications")
        assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
        assert SENTENCE in response.text
        assert client.get("/readyz").status_code == 503
        assert not data.exists()
        away.rename(data)
        assert client.get("/notifications").status_code == 200
        factories.notification(alice, "After it was back")
        db.session.remove()
        with sqlite3.connect(file) as reader:
            assert reader.execute("SELECT count(*) FROM notifications").fetchone() == (2,)
        shutil.rmtree(data)
        data.mkdir()
        backup.replace(file)
        text = client.get("/notifications").text
        assert "Before the backup" in text
        assert "After it was back" not in text
        db.session.remove()
        db.engine.dispose()

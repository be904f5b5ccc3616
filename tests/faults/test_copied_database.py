"""An operator may copy the SQLite file alone after a clean stop, or from an idle server."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import time
from pathlib import Path

from flask import Flask

from app.jobs import tasks
from app.models import User
from app.services.operations import database_file
from tests.support import factories
from tests.support.gunicorn import serving


def titles(file: Path) -> list[str]:
    with sqlite3.connect(file) as connection:
        return [title for (title,) in connection.execute("SELECT title FROM notifications ORDER BY id")]


def copy(database: Path, folder: Path) -> Path:
    """Copy the database file alone, without the log beside it."""
    return Path(shutil.copy(database, folder / "copy.db"))


def test_a_copy_of_the_file_after_a_clean_stop_is_complete(
    app: Flask, alice: User, database_file: Path, tmp_path: Path
) -> None:
    with serving(database_file, tmp_path / "server.log") as server:
        factories.notification(alice, "Written while the server runs")
        server.master.send_signal(signal.SIGTERM)
        server.master.wait(20)
    assert titles(copy(database_file, tmp_path)) == ["Written while the server runs"]


def test_an_idle_server_checkpoints_its_wal(
    app: Flask, alice: User, database_file: Path, tmp_path: Path
) -> None:
    factories.notification(alice, "Written a while ago")
    log = Path(f"{database_file}-wal")
    tasks.sweep()
    assert log.stat().st_size  # Something has just been written.
    long_ago = time.time() - 60
    os.utime(log, (long_ago, long_ago))
    tasks.sweep()
    assert log.stat().st_size == 0
    assert titles(copy(database_file, tmp_path)) == ["Written a while ago"]


def test_postgresql_needs_no_checkpoint(pg_app: Flask) -> None:
    database_file.empty_log()
    database_file.empty_log_when_idle()

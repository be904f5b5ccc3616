"""Keeps SQLite's database file complete, so that a copy of it has everything.

SQLite writes to a log beside the file (`-wal`) and moves the pages into the file later. A copy of the file alone
lacks what is still in the log.
"""

from __future__ import annotations

import time
from pathlib import Path

from app.database.base import db

# Seconds without a write after which the database counts as idle.
IDLE_SECONDS = 5


def empty_log() -> None:
    """Move the log into the database file and empty it. Without effect while another connection writes."""
    if db.engine.dialect.name != "sqlite":
        return
    with db.engine.connect() as connection:
        timeout = connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one()
        connection.exec_driver_sql("PRAGMA busy_timeout = 100")
        try:
            # The first moves most pages without blocking writers. The second blocks them, but has little left to do.
            connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {timeout}")


def empty_log_when_idle() -> None:
    """Empty the log if it has pages and nothing has been written for a few seconds."""
    if db.engine.dialect.name != "sqlite":
        return
    log = Path(f"{db.engine.url.database}-wal")
    try:
        status = log.stat()
    except FileNotFoundError:
        return
    if status.st_size and abs(time.time() - status.st_mtime) >= IDLE_SECONDS:
        empty_log()

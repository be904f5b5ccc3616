"""One person's notifications in a table of a thousand rows and in one of a million, on both databases.

Filling one takes minutes, so it is kept beside the benchmark's Python, and each run works on a copy.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from threading import Lock
from typing import Any

from flask import Flask, session
from flask_wtf.csrf import generate_csrf
from sqlalchemy import select

from app import create_app
from app.database.base import db
from app.models import Notification, User
from app.services.accounts import sessions
from bench import filling
from bench.rounds import MIGRATIONS, RUN, scratch_folder, served_database

SMALL, LARGE = 1_000, 1_000_000
KEPT = Path(sys.prefix) / "bench"


@dataclass(frozen=True)
class Table:
    """A filled database, and the person whose notifications are read.

    `processes` are those of the database server. `unread` are the unread notifications, newest first. `writer` is a
    connection of the benchmark's own.
    """

    app: Flask
    url: str
    processes: tuple[int, ...]
    reader: int
    token: str
    unread: list[int]
    writer: Any
    _lock: Lock = field(default_factory=Lock)

    @property
    def settings(self) -> dict[str, str]:
        """The environment of a server on this database."""
        return {"DATABASE_URL": self.url, "SECRET_KEY": "bench", "API_RATE_LIMIT": "100000000 per second"}

    @property
    def own_processes(self) -> list[int]:
        """The process of the database server that works for `writer`."""
        return [self.writer.info.backend_pid] if self.processes else []

    def write(self, *statements: str) -> None:
        """Execute statements and commit."""
        with self._lock:
            for statement in ("BEGIN", *statements, "COMMIT"):
                self.writer.execute(statement)

    def vacuum(self) -> None:
        """Remove the old versions of changed rows from PostgreSQL; autovacuum would do so during the next calls."""
        if self.processes:
            self.writer.execute("VACUUM notifications, notification_changes, users")

    def invalidate_cache(self) -> None:
        """Write for other people, which invalidates the application's cache."""
        self.write(f"UPDATE users SET inbox_version = inbox_version + 1 WHERE id <> {self.reader}")

    def browser(self, person: int) -> dict[str, str]:
        """Sign a person in; returns the headers of their browser, with the CSRF token."""
        with self.app.app_context():
            key = sessions.start(db.session.get_one(User, person))
            db.session.remove()
        with self.app.test_request_context():
            csrf = generate_csrf()
            contents = dict(session) | {"_user_id": key, "_fresh": True}
        cookie = self.app.session_interface.get_signing_serializer(self.app).dumps(contents)
        return {"Cookie": f"{self.app.config['SESSION_COOKIE_NAME']}={cookie}", "X-CSRFToken": csrf}


@cache
def table(rows: int, database: str = "sqlite", others: int = filling.OTHERS) -> Table:
    """Copy the table of this many rows; the copy is deleted at the end of the run."""
    make = partial(filling.make, rows=rows, database=database, others=others)
    url, processes, facts = copy(database, rows, filling_sources(), make)
    app = create_app({"SQLALCHEMY_DATABASE_URI": url, "SECRET_KEY": "bench"})
    with app.app_context():
        own = (Notification.recipient_id == facts["reader"], Notification.read_at.is_(None))
        unread = select(Notification.id).where(*own).order_by(Notification.surfaced_at.desc())
        found = list(db.session.scalars(unread))
        db.session.remove()
        db.engine.dispose()
    return Table(
        app, url, processes, **facts, unread=found, writer=RUN.enter_context(closing(filling.connect(url)))
    )


def filling_sources() -> list[Path]:
    """The files that decide what `filling` makes."""
    return [Path(filling.__file__), *sorted(Path(MIGRATIONS).rglob("*.py"))]


def copy(
    database: str, rows: int, sources: Sequence[Path], make: Callable[[str], dict[str, Any]]
) -> tuple[str, tuple[int, ...], dict[str, Any]]:
    """Copy a filled database for this run; fill it first if that has not been done.

    Args:
        sources: the files that decide what is in it.
        make: fills the database of a URL; returns facts about it, to be kept as JSON.
    Returns:
        the URL of the copy, the processes of its server, and the facts.
    """
    fingerprint = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:12]
    kept = KEPT / f"{sources[0].stem}-{database}-{rows}-{fingerprint}"
    if not kept.exists():
        _fill(kept, database, make)
    folder = RUN.enter_context(scratch_folder())
    subprocess.run(["cp", "-a", f"{kept}/.", folder], check=True)
    url, processes = RUN.enter_context(served_database(folder, database))
    return url, processes, json.loads((folder / "facts.json").read_text())


def _fill(kept: Path, database: str, make: Callable[[str], dict[str, Any]]) -> None:
    print(f"Filling {kept.name} ...", file=sys.stderr)
    KEPT.mkdir(exist_ok=True)
    for old in KEPT.glob(f"{kept.name.rpartition('-')[0]}-*"):
        if old.stat().st_mtime < time.time() - 24 * 60 * 60:
            shutil.rmtree(old)
    with scratch_folder() as folder:
        with served_database(folder, database) as (url, _processes):
            facts = make(url)
        (folder / "facts.json").write_text(json.dumps(facts))
        # Moved into place when it is complete, so that no run uses a part of it.
        unfinished = KEPT / folder.name
        subprocess.run(["cp", "-a", folder, unfinished], check=True)
        if kept.exists():  # Another run was faster.
            shutil.rmtree(unfinished)
        else:
            unfinished.rename(kept)

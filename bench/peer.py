"""django-notifications-hq, which Bellhop is compared with: its environment, its server, and its calls."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from bench import filling
from bench.http import ONE, Request, Server, serve
from bench.rounds import ROOT, RUN
from bench.tables import KEPT, copy

REQUIREMENTS = (
    # The last that django-notifications-hq 1.8.3 runs on: its models use `index_together`.
    "Django==4.2.30",
    "django-notifications-hq==1.8.3",
    "django-post_office==3.12.0",
    "gunicorn==27.0.1",
    "psycopg[binary]==3.3.9",
    # Has the module distutils, which Python 3.12 no longer has.
    "setuptools==80.9.0",
)
SITE = ROOT / "bench" / "peer_site.py"
UNREAD = "UPDATE notifications_notification SET unread = TRUE WHERE id = {row} - 110909"
# By the names of Bellhop's calls.
CALLS = {
    "page": (Request("/inbox/notifications/"), ""),
    "click": (Request("/inbox/notifications/mark-as-read/{row}/"), UNREAD),
    "badge": (Request("/inbox/notifications/api/unread_count/"), ""),
    "json-list": (Request("/inbox/notifications/api/unread_list/?max=50"), ""),
}


@dataclass(frozen=True)
class Peer:
    """The running peer, and its reader. `rows` name the reader's unread notifications in URLs."""

    url: str
    server: Server
    processes: tuple[int, ...]
    headers: Mapping[str, str]
    rows: list[int]
    writer: Any

    @property
    def own_processes(self) -> list[int]:
        """The process of the database server that works for `writer`."""
        return [self.writer.info.backend_pid] if self.processes else []


@cache
def peer(rows: int, database: str) -> Peer:
    """Serve it on a table of this many rows."""
    url, processes, facts = copy(database, rows, [SITE], partial(_fill, rows))
    server = serve(RUN, "bench.peer_site:application", environment(url), ONE, str(python()))
    writer = RUN.enter_context(closing(filling.connect(url)))
    return Peer(url, server, processes, {"Cookie": facts["cookie"]}, facts["unread"], writer)


def _fill(rows: int, url: str) -> dict[str, Any]:
    command = [python(), "-m", "bench.peer_site", str(rows)]
    answer = subprocess.run(
        command, cwd=ROOT, env=os.environ | environment(url), stdout=subprocess.PIPE, check=True
    )
    return dict(json.loads(answer.stdout))


def work(name: str, count: int, url: str, **settings: str) -> float:
    """Let it do work in a process of its own, see `bench.peer_work`; returns how much it did per second."""
    command = [python(), "-m", "bench.peer_work", name, str(count)]
    settings = os.environ | environment(url) | settings
    return float(subprocess.run(command, cwd=ROOT, env=settings, stdout=subprocess.PIPE, check=True).stdout)


def environment(url: str) -> dict[str, str]:
    """Return the settings of the peer on this database."""
    parts = make_url(url)
    if parts.get_backend_name() == "sqlite":
        settings = {"ENGINE": "django.db.backends.sqlite3", "NAME": parts.database}
    else:
        settings = {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": parts.database,
            "USER": parts.username,
            "HOST": parts.query["host"],
        }
    return {"PEER_DATABASE": json.dumps(settings)}


@cache
def python() -> Path:
    """Return the peer's Python; make its environment first if it does not exist."""
    folder = KEPT / f"peer-{hashlib.sha256(' '.join(REQUIREMENTS).encode()).hexdigest()[:12]}"
    found = folder / "bin" / "python"
    if not (folder / "installed").exists():
        print("Installing django-notifications-hq for comparison ...", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([found, "-m", "pip", "install", "-qq", *REQUIREMENTS], check=True)
        (folder / "installed").touch()
    return found

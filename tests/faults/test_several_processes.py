"""Two server processes share one database and one port."""

from __future__ import annotations

import collections
import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.database.base import db
from app.models import Notification, User
from tests.support import factories
from tests.support.servers import start_gunicorn

ROOT = Path(__file__).resolve().parents[2]


def workers(master: int) -> set[int]:
    return set(map(int, Path(f"/proc/{master}/task/{master}/children").read_text().split()))


def eventually(claim: Callable[[], object]) -> None:
    ends_at = time.monotonic() + 120
    while not claim():
        assert time.monotonic() < ends_at, "It does not come true."
        time.sleep(0.05)


def is_alive(process: int) -> bool:
    stat = Path(f"/proc/{process}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def master(database_file: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Return the master process of two workers."""
    with start_gunicorn(database_file, BELLHOP_WORKERS="2") as started:
        yield started
        started.kill()


def test_two_processes_run_each_job_once_and_take_over_from_each_other(
    master: subprocess.Popen[bytes], alice: User, bob: User, token: Callable[..., dict[str, str]]
) -> None:
    headers = token(bob, "read", "write", "events", "admin") | {"Content-Type": "application/json"}
    event = json.dumps(factories.event_body(recipients=[alice.email])).encode()
    address = re.search(r"http://\S+", master.stdout.readline().decode())[0]

    def post(key: str | None = None) -> int:
        more = {"Idempotency-Key": key} if key else {}
        call = urllib.request.Request(f"{address}/api/events/", event, headers | more)
        try:
            return urllib.request.urlopen(call, timeout=30).status
        except urllib.error.HTTPError as refused:
            return refused.code

    eventually(lambda: len(workers(master.pid)) == 2)
    with ThreadPoolExecutor(8) as crowd:
        keyed = collections.Counter(crowd.map(post, ["one-key"] * 8))
        plain = collections.Counter(crowd.map(post, [None] * 8))
    assert set(keyed) <= {201, 409}
    assert plain == {200: 8}
    assert db.session.query(Notification).count() == 1

    killed = workers(master.pid).pop()
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: len(workers(master.pid) - {killed}) == 2)
    assert post() == 200

    rest = workers(master.pid)
    master.kill()
    eventually(lambda: not any(map(is_alive, rest)))

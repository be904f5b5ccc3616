"""A real server in processes of its own, as `bin/serve` starts it."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flask import Flask

from app.models import User
from tests.support import sessions

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Server:
    """A running server: its port, its master process, and the file of what it logs."""

    port: int
    master: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connect(self, seconds: float = 20) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), seconds)

    def send(self, data: bytes, seconds: float = 20) -> bytes:
        """Send bytes as they are and return everything that the server answers until it closes."""
        answer = b""
        with self.connect(seconds) as connection:
            try:
                connection.sendall(data)
                while more := connection.recv(65536):
                    answer += more
            except ConnectionError:
                pass
        return answer

    def errors(self) -> str:
        return self.log.read_text()


@contextmanager
def serving(
    database: str | Path, log: Path, *, open_files: int | None = None, **settings: str
) -> Iterator[Server]:
    """Serve this database (a URL, or the path of a SQLite file) while the block runs.

    Args:
        open_files: the hard limit of the server on open files.
    """
    url = database if "://" in str(database) else f"sqlite:///{database}"
    environment = {
        "DATABASE_URL": str(url),
        "SECRET_KEY": "a key for tests only",
        "BASE_URL": "http://bellhop.test",
        "HOST": "127.0.0.1",
        "PORT": "0",
        "API_RATE_LIMIT": "1000000 per minute",
        "MALLOC_ARENA_MAX": "2",
        **settings,
    }
    command = [sys.executable, "-m", "gunicorn", "-c", "bin/gunicorn.conf.py", "wsgi:app"]
    if open_files:
        command = ["sh", "-c", f'ulimit -n {open_files} && exec "$0" "$@"', *command]
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            command, cwd=ROOT, env=os.environ | environment, stdout=subprocess.PIPE, stderr=errors
        ) as master,
    ):
        try:
            ready = re.search(r":(\d+)$", master.stdout.readline().decode().strip())
            assert ready, log.read_text()
            yield Server(int(ready[1]), master, log)
        finally:
            if master.poll() is None:
                master.kill()


def session_cookie(app: Flask, user: User) -> str:
    """Return the Cookie header of a new session of this user."""
    cookie = sessions.open_session(app.test_client(), user).get_cookie("bellhop")
    return f"bellhop={cookie.value}"

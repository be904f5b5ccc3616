"""A server that is told to stop completes its work, releases the rest, and ends within ten seconds."""

from __future__ import annotations

import signal
import socket
import time
from contextlib import ExitStack
from pathlib import Path

from flask import Flask
from sqlalchemy import func, select

from app.database.base import db
from app.models import Delivery, Lease, User
from tests.support import factories
from tests.support.gunicorn import Server, serving, session_cookie
from tests.support.smtp import Server as MailServer
from tests.support.waiting import wait_until

MAILS, STREAMS = 200, 20


def count(state: str) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).where(Delivery.state == state)) or 0


def open_stream(server: Server, cookie: str) -> socket.socket:
    connection = server.connect()
    connection.sendall(
        f"GET /notifications/stream HTTP/1.1\r\nHost: bellhop.test\r\nCookie: {cookie}\r\n\r\n".encode()
    )
    assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
    return connection


def test_a_stopping_server_releases_its_mail_ends_its_streams_and_sends_nothing_twice(
    app: Flask, database_file: Path, smtp: MailServer, tmp_path: Path, alice: User, charlie: User
) -> None:
    smtp.mailbox.seconds = 0.1
    for number in range(MAILS):
        factories.delivery(
            factories.notification(alice, f"Number {number}", notification_type="resume_processed")
        )
    cookies = [session_cookie(app, user) for user in (alice, charlie)]
    mail = {"EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": str(smtp.port), "EMAIL_USE_TLS": "false"}
    with serving(database_file, tmp_path / "log", **mail) as server, ExitStack() as streams:
        opened = [
            streams.enter_context(open_stream(server, cookies[number % 2])) for number in range(STREAMS)
        ]
        wait_until(lambda: len(smtp.mailbox.raw) >= 5)
        told_at = time.monotonic()
        server.master.send_signal(signal.SIGTERM)
        assert server.master.wait(15) == 0
        assert time.monotonic() - told_at < 10
        for stream in opened:
            while stream.recv(65536):
                pass  # Ended, not reset.
        assert "Traceback" not in server.errors()
    sent = count("sent")
    assert 5 <= sent < MAILS
    assert (len(smtp.mailbox.raw), len(smtp.mailbox.message_ids)) == (sent, sent)
    assert count("claimed") == 0
    assert count("pending") == MAILS - sent
    assert db.session.scalar(select(func.count()).select_from(Lease)) == 0
    assert db.session.scalar(select(func.max(Delivery.crashes))) == 0


def test_a_stopping_server_completes_the_current_request(database_file: Path, tmp_path: Path) -> None:
    with serving(database_file, tmp_path / "log") as server, server.connect() as connection:
        head = b"POST /sign-in HTTP/1.1\r\nHost: bellhop.test\r\nContent-Length: 3\r\n\r\n"
        connection.sendall(head)
        time.sleep(0.2)
        server.master.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        connection.sendall(b"a=b")
        answer = connection.recv(1000)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"Connection: close" in answer
        assert server.master.wait(15) == 0

"""A real worker is killed while it sends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from app.clock import utc_now
from app.database.base import db
from app.models import Delivery, User
from tests.support import factories
from tests.support.smtp import Server
from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
MAILS = 200


def start_worker(database: Path, port: int) -> subprocess.Popen[bytes]:
    settings = {
        "DATABASE_URL": f"sqlite:///{database}",
        "SECRET_KEY": "a key for tests only",
        "BASE_URL": "http://bellhop.test",
        "EMAIL_HOST": "127.0.0.1",
        "EMAIL_PORT": str(port),
        "EMAIL_USE_TLS": "false",
        "FLASK_APP": "wsgi:app",
    }
    command = [sys.executable, "-m", "flask", "worker"]
    return subprocess.Popen(command, cwd=ROOT, env=os.environ | settings)


def start_sending(
    smtp: Server, database: Path, *, emails: int, seconds_each: float
) -> subprocess.Popen[bytes]:
    """Start a worker, and return it when this many emails have been sent."""
    smtp.mailbox.seconds = seconds_each
    worker = start_worker(database, smtp.port)
    wait_until(lambda: len(smtp.mailbox.raw) >= emails, 30)
    return worker


def kill(worker: subprocess.Popen[bytes]) -> None:
    worker.send_signal(signal.SIGKILL)
    worker.wait()


def count(*states: str) -> int:
    return db.session.scalar(select(func.count()).where(Delivery.state.in_(states))) or 0


def queue(user: User, many: int) -> None:
    for number in range(many):
        row = factories.notification(user, f"Number {number}", notification_type="resume_processed")
        factories.delivery(row)


@pytest.mark.long
def test_killed_workers_lose_nothing_and_repeat_few_emails_with_the_same_message_id(
    app: Flask, smtp: Server, database_file: Path, alice: User
) -> None:
    smtp.mailbox.seconds = 0.05
    queue(alice, MAILS)
    for _kill in range(5):
        before = len(smtp.mailbox.raw)
        worker = start_worker(database_file, smtp.port)
        try:
            wait_until(lambda before=before: len(smtp.mailbox.raw) >= before + 25)
        finally:
            kill(worker)
    assert count("claimed") > 0, "each kill left a claim behind"
    # The lease of half a minute has expired: the test moves the clock instead of waiting.
    db.session.execute(update(Delivery).where(Delivery.state == "claimed").values(lease_until=utc_now()))
    db.session.commit()
    worker = start_worker(database_file, smtp.port)
    try:
        wait_until(lambda: count("sent") == MAILS, 60)
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(20)
    ids = smtp.mailbox.message_ids
    doubled = sum(times - 1 for times in ids.values())
    assert len(ids) == MAILS, "every mail arrived, and a second copy is known by its Message-ID"
    assert doubled <= 5, "at most the one at hand for each kill"


def test_a_stopping_worker_finishes_its_email_and_releases_the_rest(
    app: Flask, smtp: Server, database_file: Path, alice: User
) -> None:
    queue(alice, 20)
    worker = start_sending(smtp, database_file, emails=2, seconds_each=0.2)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(10) == 0
    sent = count("sent")
    assert 2 <= sent < 20
    assert len(smtp.mailbox.raw) == sent, "what went out is written down"
    assert count("pending") == 20 - sent
    assert db.session.scalar(select(func.max(Delivery.crashes))) == 0


@pytest.mark.long
def test_a_stopping_worker_does_not_wait_for_a_slow_mail_server(
    app: Flask, smtp: Server, database_file: Path, alice: User
) -> None:
    smtp.mailbox.seconds = 30
    queue(alice, 3)
    worker = start_worker(database_file, smtp.port)
    wait_until(lambda: len(smtp.mailbox.connections) > 0)
    worker.send_signal(signal.SIGTERM)
    try:
        assert worker.wait(10) == 0
    finally:
        kill(worker)


@pytest.mark.long
def test_messages_of_a_killed_worker_move_again_within_a_minute_despite_a_long_queue(
    app: Flask, smtp: Server, database_file: Path, alice: User
) -> None:
    queue(alice, 2_000)
    kill(start_sending(smtp, database_file, emails=25, seconds_each=0.1))
    killed_at = time.monotonic()
    held = set(db.session.scalars(select(Delivery.id).where(Delivery.state == "claimed")))
    assert held
    worker = start_worker(database_file, smtp.port)
    try:
        left = select(func.count()).where(Delivery.id.in_(held), Delivery.state != "sent")
        wait_until(lambda: not db.session.scalar(left), 90)
    finally:
        kill(worker)
    assert time.monotonic() - killed_at < 60
    assert max(smtp.mailbox.message_ids.values()) <= 2


@pytest.mark.long
@pytest.mark.parametrize("seconds", [21, 61])
def test_a_late_reply_to_the_final_dot_does_not_duplicate_emails(
    app: Flask, smtp: Server, database_file: Path, alice: User, seconds: int
) -> None:
    """The lease of 30 seconds is renewed during the wait, and other mail is not delayed."""
    smtp.mailbox.seconds = seconds
    queue(alice, 3)
    worker = start_worker(database_file, smtp.port)
    try:
        wait_until(lambda: count("sent") == 3, 3 * seconds + 30)
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(20)
    assert sorted(smtp.mailbox.message_ids.values()) == [1, 1, 1]
    assert db.session.scalar(select(func.max(Delivery.attempts))) == 1

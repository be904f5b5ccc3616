"""`flask doctor` reports each wrong setting with a remedy and accepts correct ones."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import text

import config
import data_folder
from app import create_app
from app.clock import utc_now
from app.database.base import db
from app.jobs import SCHEDULE
from app.models import User
from app.services.operations import demo, job_runs
from app.services.operations.doctor import examine
from tests.support import factories
from tests.support.brokers import RedisServer
from tests.support.gunicorn import serving
from tests.support.smtp import Mailbox, free_port
from tests.support.smtp import Server as MailServer

ROOT = Path(__file__).resolve().parents[2]
KEY = "0123456789abcdef0123456789abcdef"
PUBLIC = {"BASE_URL": "https://bellhop.invalid"}
MAIL = {"EMAIL_HOST": "mail.invalid", "DEFAULT_FROM_EMAIL": "a@example.com"}
TWILIO = {"TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": "secret", "TWILIO_FROM": "+15005550006"}

# The setting that doctor must name, the wrong settings, and a part of what it must say.
WRONG = [
    ("HOST", {"HOST": "http://127.0.0.1"}, "without http://"),
    ("HOST", {"HOST": "127.0.0.1:5000"}, "without a port"),
    ("PORT", {"PORT": "http"}, "whole number from 0 to 65535"),
    ("PORT", {"PORT": "70000"}, "whole number from 0 to 65535"),
    ("BASE_URL", {"BASE_URL": "bellhop.example.com"}, "https://bellhop.example.com"),
    ("BASE_URL", {"BASE_URL": "ftp://bellhop.example.com"}, "https://bellhop.example.com"),
    ("BASE_URL", {"BASE_URL": "https://bellhop.example.com/?a=1"}, "leave out what follows ?"),
    ("BASE_URL", {"BASE_URL": "https://bellhop.example.com/#top"}, "leave out what follows ?"),
    ("BASE_URL", {"BASE_URL": "https://me:pw@bellhop.example.com"}, "leave out the user name"),
    ("BASE_URL", {"BASE_URL": "http://0.0.0.0:5000"}, "no browser can open"),
    ("DATABASE_URL", {"DATABASE_URL": "mysql://localhost/x"}, "SQLite and PostgreSQL"),
    ("DATABASE_URL", {"DATABASE_URL": "bellhop.db"}, "sqlite:////path/to/file.db"),
    ("DATABASE_URL", {"DATABASE_URL": "sqlite://"}, "name a file"),
    ("DATABASE_URL", {"DATABASE_URL": "sqlite://data/bellhop.db"}, "three slashes"),
    ("DATABASE_URL", {"DATABASE_URL": "postgresql://me:p@ss@host/x"}, "percent-encoded"),
    ("Database", {"DATABASE_URL": "postgresql://me@127.0.0.1:9/x"}, "server is running"),
    ("Data folder", {"DATABASE_URL": "sqlite:////dev/null/x/bellhop.db"}, "is a file"),
    ("SECRET_KEY", {"SECRET_KEY": "x", **PUBLIC}, "32 random characters"),
    ("SECRET_KEY", {"SECRET_KEY": "a" * 40, **PUBLIC}, "32 random characters"),
    ("LOG_FORMAT", {"LOG_FORMAT": "xml"}, "write text or json"),
    ("FLASK_DEBUG", {"FLASK_DEBUG": "1", **PUBLIC}, "write 0"),
    ("FLASK_DEBUG", {"FLASK_DEBUG": "1", "HOST": "0.0.0.0"}, "write 0"),
    ("EMAIL_HOST", {"EMAIL_HOST": "smtp://mail.invalid"}, "port in EMAIL_PORT"),
    ("EMAIL_HOST", {"EMAIL_HOST": "mail.invalid:587"}, "port in EMAIL_PORT"),
    ("Email", MAIL, "Check EMAIL_HOST"),
    ("Email", {**MAIL, "EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": "9"}, "Check EMAIL_HOST"),
    ("EMAIL_PORT", {**MAIL, "EMAIL_PORT": "smtp"}, "whole number from 1 to 65535"),
    ("EMAIL_USE_TLS", {**MAIL, "EMAIL_USE_TLS": "starttls"}, "true or false"),
    ("EMAIL_USE_SSL", {**MAIL, "EMAIL_USE_SSL": "tls"}, "true or false"),
    ("EMAIL_USE_SSL", {**MAIL, "EMAIL_USE_SSL": "1", "EMAIL_USE_TLS": "1"}, "leave one out"),
    ("EMAIL_HOST_PASSWORD", {**MAIL, "EMAIL_HOST_USER": "me"}, "password of EMAIL_HOST_USER"),
    ("EMAIL_HOST_USER", {**MAIL, "EMAIL_HOST_PASSWORD": "x"}, "user name"),
    ("DEFAULT_FROM_EMAIL", {"DEFAULT_FROM_EMAIL": "Bellhop"}, "no @"),
    ("DEFAULT_FROM_EMAIL", {"DEFAULT_FROM_EMAIL": "a@example.com, b@example.com"}, "such as"),
    ("TWILIO_AUTH_TOKEN", {**TWILIO, "TWILIO_AUTH_TOKEN": ""}, "all of"),
    ("TWILIO_FROM", {**TWILIO, "TWILIO_FROM": ""}, "all of"),
    ("TWILIO_FROM", {**TWILIO, "TWILIO_FROM": "0049 170 0000000000000"}, "+15005550006"),
    ("TWILIO_BASE_URL", {**TWILIO, "TWILIO_BASE_URL": "twilio"}, "https://api.twilio.com"),
    ("VAPID_PRIVATE_KEY", {"VAPID_PRIVATE_KEY": "key"}, "P-256"),
    ("VAPID_SUBJECT", {"VAPID_SUBJECT": "me@example.com"}, "mailto:"),
    ("STATIC_URL", {"STATIC_URL": "cdn.example.com"}, "https://cdn.example.com"),
    ("STATIC_URL", {"STATIC_URL": "https://cdn.example.com/?v=1"}, "leave out what follows ?"),
    ("STATIC_URL", {"STATIC_URL": "http://cdn.example.com", **PUBLIC}, "https address"),
    ("API_RATE_LIMIT", {"API_RATE_LIMIT": "lots"}, "600 per minute"),
    ("KEEP_NOTIFICATIONS_DAYS", {"KEEP_NOTIFICATIONS_DAYS": "6"}, "whole number from 7 to 3650"),
    ("KEEP_AUDIT_DAYS", {"KEEP_AUDIT_DAYS": "two years"}, "whole number from 7 to 3650"),
    ("KEEP_SOURCE_CALLS_DAYS", {"KEEP_SOURCE_CALLS_DAYS": "0"}, "whole number from 7 to 3650"),
    ("SENTRY_DSN", {"SENTRY_DSN": "sentry.example.com"}, "https://key@sentry.example.com/1"),
    (
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"},
        "http://127.0.0.1:4318",
    ),
    ("REDIS_URL", {"REDIS_URL": "localhost:6379"}, "redis://host:6379/0"),
    ("Redis", {"REDIS_URL": "redis://127.0.0.1:9/0"}, "Check REDIS_URL"),
    ("CELERY_BROKER_URL", {"CELERY_BROKER_URL": "mq.example"}, "amqp://user:password@host/name"),
    ("CELERY_BROKER_URL", {"CELERY_BROKER_URL": "redis://127.0.0.1:9/0"}, "use PostgreSQL or leave"),
    ("BELLHOP_WORKERS", {"BELLHOP_WORKERS": "many"}, "whole number from 1 to 64"),
    ("BELLHOP_DEMO", {"BELLHOP_DEMO": "perhaps"}, "true or false"),
    ("BELLHOP_DEMO", {"BELLHOP_DEMO": "1", **PUBLIC}, "BELLHOP_DEMO=0"),
    ("EMAIL_HOSTS", {"EMAIL_HOSTS": "mail.invalid"}, "did you mean EMAIL_HOST?"),
    ("BELLHOP_WORKER", {"BELLHOP_WORKER": "2"}, "did you mean BELLHOP_WORKERS?"),
]


@pytest.fixture
def environ(database_file: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without settings of this machine, for a database that works."""
    for name in (*config.SETTINGS, *config.os.environ):
        if name in config.SETTINGS or config.NOT_USED_YET.fullmatch(name):
            monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(config, "environment", lambda: dict(os.environ))
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{database_file}")
    monkeypatch.setenv("SECRET_KEY", KEY)
    monkeypatch.setenv("PORT", str(free_port()))
    database_file.chmod(0o600)
    return monkeypatch


def run_doctor(environ: pytest.MonkeyPatch, **settings: str) -> Result:
    for name, value in settings.items():
        environ.setenv(name, value)
    app = create_app(tolerant=True)
    with app.app_context():  # The context of the test's own application would be used otherwise.
        result = app.test_cli_runner().invoke(args=["doctor"])
        db.session.remove()
        db.engine.dispose()
    return result


def test_at_least_forty_wrong_settings_are_tried() -> None:
    assert len(WRONG) >= 40


@pytest.mark.parametrize(("name", "wrong", "remedy"), WRONG)
def test_a_wrong_setting_is_named_with_the_remedy(
    name: str, wrong: dict[str, str], remedy: str, environ: pytest.MonkeyPatch
) -> None:
    result = run_doctor(environ, **wrong)
    assert result.exit_code == 1, result.output
    assert f"FIX   {name}: " in result.output
    part = result.output.partition(f"FIX   {name}: ")[2]
    assert remedy.lower() in " ".join(part.split()).lower()
    assert "Traceback" not in result.output


def test_right_settings_pass(environ: pytest.MonkeyPatch) -> None:
    mail = MailServer(Mailbox())
    mail.start()
    try:
        result = run_doctor(
            environ,
            EMAIL_HOST="127.0.0.1",
            EMAIL_PORT=str(mail.port),
            EMAIL_USE_TLS="false",
            DEFAULT_FROM_EMAIL="Alder Robotics, Inc. <bellhop@example.com>",
            VAPID_SUBJECT="mailto:ops@example.com",
            **TWILIO,
        )
    finally:
        mail.stop()
    assert result.exit_code == 0, result.output
    assert "FIX" not in result.output
    assert "ok    Settings: " in result.output
    assert "was not checked, because no server is running" in result.output


def test_a_warning_differs_from_an_error(environ: pytest.MonkeyPatch) -> None:
    result = run_doctor(environ, BELLHOP_WORKERS="2", OIDC_ISSUER="https://login.example.com")
    assert result.exit_code == 0, result.output
    assert "warn  BELLHOP_WORKERS: is 2" in result.output
    assert "warn  OIDC_ISSUER: is not used by this release" in result.output


def test_no_secret_is_printed(environ: pytest.MonkeyPatch) -> None:
    secrets = {
        "SECRET_KEY": "hunter2",
        "EMAIL_HOST_PASSWORD": "hunter2",
        "TWILIO_AUTH_TOKEN": "hunter2",
        "VAPID_PRIVATE_KEY": "hunter2",
        "DATABASE_URL": "postgresql://me:hunter2@127.0.0.1:9/x",
        "REDIS_URL": "redis://:hunter2@127.0.0.1:9/0",
    }
    assert "hunter2" not in run_doctor(environ, **secrets).output


def test_a_missing_database_is_not_created(environ: pytest.MonkeyPatch, tmp_path: Path) -> None:
    result = run_doctor(environ, DATABASE_URL=f"sqlite:///{tmp_path}/new/bellhop.db")
    assert result.exit_code == 1
    assert "Run: flask db upgrade" in result.output
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        ("0001", "Run: flask db upgrade"),
        ("9001", "flask db downgrade"),
        ("abcd", "does not know that migration"),
    ],
)
def test_a_database_of_another_version_is_found(
    number: str, advice: str, app: Flask, environ: pytest.MonkeyPatch
) -> None:
    db.session.execute(text("UPDATE alembic_version SET version_num = :number"), {"number": number})
    db.session.commit()
    result = run_doctor(environ)
    assert result.exit_code == 1
    assert advice in result.output


def test_without_the_database_nothing_is_said_of_the_workers_of_a_broker(
    environ: pytest.MonkeyPatch, redis_server: RedisServer
) -> None:
    database = "postgresql://me@127.0.0.1:9/x"
    result = run_doctor(environ, DATABASE_URL=database, CELERY_BROKER_URL=redis_server.url)
    assert result.exit_code == 1
    assert result.output.count("Check DATABASE_URL") == 1
    assert (
        "ok    Message broker: responds. Its workers are unknown while the database cannot be read"
        in result.output
    )


def test_an_empty_or_replaced_key_is_found(environ: pytest.MonkeyPatch, database_file: Path) -> None:
    environ.delenv("SECRET_KEY")
    key = database_file.with_name(data_folder.KEY_FILE)
    key.touch(mode=0o600)
    result = run_doctor(environ)
    assert result.exit_code == 1
    assert "is empty" in result.output
    key.write_text(KEY)
    database_file.with_name(data_folder.REPLACED_KEY_FILE).write_text("2026-03-12 08:00 UTC\n")
    result = run_doctor(environ)
    assert result.exit_code == 0
    assert "warn  SECRET_KEY: was generated again on 2026-03-12 08:00 UTC" in result.output


def test_a_clock_off_by_an_hour_is_found(pg_app: Flask) -> None:
    for hours in (-1, 1):
        findings = list(examine(pg_app.config, SCHEDULE, utc_now() + timedelta(hours=hours)))
        (clock,) = [finding for finding in findings if finding.subject == "Clock"]
        assert clock.is_error
        assert "timedatectl" in clock.advice
    assert not [finding for finding in examine(pg_app.config, SCHEDULE) if finding.subject == "Clock"]


def test_a_clock_that_went_back_is_found_on_sqlite(app: Flask) -> None:
    job_runs.record_frequent_run("deliver", utc_now(), 0)
    findings = list(examine(app.config, SCHEDULE, utc_now() - timedelta(hours=1)))
    (clock,) = [finding for finding in findings if finding.subject == "Clock"]
    assert clock.is_error


def test_demo_accounts_at_a_public_address_are_found(app: Flask) -> None:
    demo.load()
    app.config.update(IS_PUBLIC=True)
    found = [finding.detail for finding in examine(app.config, SCHEDULE) if finding.is_error]
    assert any("published password" in detail and "admin@bellhop.example" in detail for detail in found)
    app.config.update(IS_PUBLIC=False)
    assert not [
        finding for finding in examine(app.config, SCHEDULE) if "published password" in finding.detail
    ]


def test_a_time_zone_without_data_is_found(app: Flask) -> None:
    factories.user("zoe@example.test", "Zoe", time_zone="Mars/Olympus")
    found = [finding.detail for finding in examine(app.config, SCHEDULE) if finding.is_error]
    assert "Mars/Olympus is not known to this system" in found


class OtherSite(BaseHTTPRequestHandler):
    """A web server that is not Bellhop."""

    def do_GET(self) -> None:
        self.send_response(404)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def other_site() -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), OtherSite)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join(5)


def test_a_base_url_that_leads_elsewhere_is_found_while_serving(
    app: Flask, bob: User, environ: pytest.MonkeyPatch, database_file: Path, tmp_path: Path, other_site: int
) -> None:
    with serving(database_file, tmp_path / "log") as server:
        assert b"200" in server.send(b"GET /healthz HTTP/1.0\r\n\r\n")
        environ.setenv("PORT", str(server.port))
        result = run_doctor(environ)
        assert result.exit_code == 0, result.output
        assert f"ok    BASE_URL: http://127.0.0.1:{server.port} responds" in result.output
        assert "ok    Scheduler: runs its jobs on time" in result.output
        result = run_doctor(environ, BASE_URL=f"http://127.0.0.1:{server.port}/bellhop")
        assert result.exit_code == 1
        assert "Check the path in BASE_URL" in result.output
        result = run_doctor(environ, BASE_URL=f"http://127.0.0.1:{other_site}")
        assert result.exit_code == 1
        assert "does not lead to this server" in result.output
        result = run_doctor(environ, BASE_URL="https://bellhop.invalid", BELLHOP_DEMO="0")
        assert result.exit_code == 0, "it may be reachable from elsewhere"
        assert "warn  BASE_URL: https://bellhop.invalid/healthz cannot be reached" in result.output
        server.master.send_signal(signal.SIGTERM)
        server.master.wait(15)


def test_a_port_that_another_program_uses_is_found(environ: pytest.MonkeyPatch, other_site: int) -> None:
    result = run_doctor(environ, PORT=str(other_site))
    assert result.exit_code == 1
    assert "FIX   PORT: another program is using" in result.output


def test_a_dead_scheduler_is_found_while_a_server_runs(app: Flask, environ: pytest.MonkeyPatch) -> None:
    job_runs.record_frequent_run("deliver", utc_now() - timedelta(hours=1), 0)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        environ.setattr("app.services.operations.doctor.SECONDS", 0.2)
        result = run_doctor(environ, PORT=str(listener.getsockname()[1]))
    assert result.exit_code == 1
    assert "FIX   Scheduler: late jobs: deliver" in result.output


def test_doctor_runs_as_a_command_where_nothing_else_starts(database_file: Path) -> None:
    env = os.environ | {
        "DATABASE_URL": f"sqlite:///{database_file}",
        "SECRET_KEY": KEY,
        "EMAIL_PORT": "x",
        "FLASK_APP": "wsgi:app",
    }
    flask = [sys.executable, "-m", "flask"]
    done = subprocess.run([*flask, "doctor"], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, "FIX   EMAIL_PORT: is 'x'" in done.stdout) == (1, True), done.stderr
    done = subprocess.run(
        [*flask, "jobs", "run", "sweep"], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert done.stderr == "Bellhop cannot start.\nEMAIL_PORT is 'x': write a whole number from 1 to 65535\n"

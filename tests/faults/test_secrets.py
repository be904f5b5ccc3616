"""Secrets of each kind are planted, everything is used and broken, and no log and no page of admins has one."""

from __future__ import annotations

import email
import logging
import re
import time
from base64 import b64encode
from collections.abc import Callable
from datetime import timedelta
from email import policy

import pytest
from flask import Flask
from sqlalchemy import insert, select

from app.database.base import db
from app.database.compiled import CompiledStatement
from app.jobs.scheduler import Job, run_now
from app.jobs.tasks import no_progress
from app.logs import hide_tokens
from app.models import AuditEntry, CapturedMail, Delivery, JobRun, Notification, User
from app.services.accounts import administration, emails, phones, tokens, users
from app.services.base.errors import Invalid
from app.services.operations.rate_limiter import rate_limiter
from tests.support import endpoints, factories
from tests.support.delivery import delivery_worker, pending_email
from tests.support.sessions import open_session
from tests.support.smtp import Script, point_at

PASSWORD, WRONG, MAIL, REDIS, HASH = (
    "planted-Password-1",
    "planted-Wrong-2",
    "planted-Mail-3",
    "planted-Redis-4",
    "planted-Hash-5",
)
LINK = re.compile(r"/(?:password/reset|unsubscribe|digests)/([\w.-]+)")


def fail_a_job(run: Callable[[], object]) -> None:
    """Let a job fail until the admins are alerted."""
    for _time in range(3):
        run_now(Job("sweep", "", "", lambda *_arguments: run(), timedelta(seconds=5)), None, no_progress)
        db.session.rollback()


def insert_broken_rows() -> None:
    db.session.execute(insert(User).values(email="b@example.test", password_hash=HASH, name=None))


def insert_broken_rows_compiled() -> None:
    CompiledStatement(insert(User), ["email", "password_hash", "name"]).execute_many(
        [{"email": "b@example.test", "password_hash": HASH, "name": None}]
    )


def links_in_captured_mail() -> set[str]:
    found = set()
    for raw in db.session.scalars(select(CapturedMail.raw)):
        body = email.message_from_bytes(raw, policy=policy.default).get_body(("plain",))
        found |= set(LINK.findall(body.get_content()))
    return found


def test_no_secret_reaches_a_log_or_a_page_of_admins(
    any_app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    any_app.config.update(TESTING=False, PROPAGATE_EXCEPTIONS=False, WTF_CSRF_ENABLED=False)
    bob = users.create_user("bob@example.test", "Bob", role="admin", password=PASSWORD)
    alice = users.create_user("alice@example.test", "Alice", password=PASSWORD)
    _row, token = tokens.create(alice, "script", ["read"])
    hook = endpoints.add_webhook(alice, "https://hooks.example.test/planted-Hook-6")
    factories.delivery(factories.notification(alice), "webhook", address=hook.address)
    pending_email(alice)
    emails.request_password_reset("alice@example.test")
    administration.invite("dana@example.test", "Dana", "recruiter", actor=bob)
    phones.send_code(alice, "+442079460958")
    for address, typed in (("alice@example.test", WRONG), (WRONG, WRONG)):
        with pytest.raises(Invalid):
            users.authenticate(address, typed)
    delivery_worker().deliver_due()
    (sms,) = db.session.scalars(
        select(CapturedMail.raw)
        .join(Delivery, Delivery.id == CapturedMail.delivery_id)
        .where(Delivery.kind == "phone_code")
    )
    code = re.search(r"\b\d{6}\b", sms.decode().split("\r\n\r\n")[1])[0]
    links = links_in_captured_mail()
    assert len(links) >= 3

    sent = b64encode(f"\0mailer\0{MAIL}".encode()).decode()
    server = Script(["220 hi", "250-hi\r\n250 AUTH PLAIN", f"535 5.7.8 no such sign-in: AUTH PLAIN {sent}"])
    point_at(any_app, server.port, username="mailer", password=MAIL)
    pending_email(alice)
    delivery_worker().deliver_due()
    server.close()
    rate_limiter((1, 1), f"redis://:{REDIS}@127.0.0.1:9/0").count("somebody", time.monotonic())
    fail_a_job(insert_broken_rows)
    fail_a_job(insert_broken_rows_compiled)
    admin = open_session(any_app.test_client(), bob)
    pages = [
        admin.get(path).text
        for path in (
            "/admin/audit",
            "/admin/jobs",
            "/admin/deliveries",
            *(f"/admin/deliveries/{number}" for number in db.session.scalars(select(Delivery.id))),
        )
    ]

    def break_down() -> None:
        raise RuntimeError("broken")

    any_app.before_request_funcs[None].append(break_down)
    client = any_app.test_client()
    headers = {"Authorization": f"Bearer {token}"}
    paths = [
        f"/{kind}/{link}"
        for kind in ("password/reset", "setup", "unsubscribe", "digests", "mute")
        for link in links
    ]
    assert {client.get(path, headers=headers).status_code for path in paths} == {500}

    rows = [
        *db.session.execute(select(AuditEntry.subject, AuditEntry.detail)),
        *db.session.execute(select(JobRun.error)),
        *db.session.execute(select(Notification.title, Notification.message)),
        *db.session.execute(select(Delivery.reason_data)),
    ]
    written = "\n".join([caplog.text, *pages, *map(str, rows)])
    assert "broken" in written
    assert "NOT NULL" in written or "not-null" in written
    assert "no such sign-in" in written
    assert "Redis is unavailable" in written
    planted = {
        PASSWORD,
        WRONG,
        MAIL,
        sent,
        REDIS,
        HASH,
        token,
        code,
        "planted-Hook-6",
        "a key for tests only",
        *links,
    }
    assert {secret for secret in planted if secret in written} == set()


def test_the_server_hides_the_token_of_each_link_in_its_logs(app: Flask) -> None:
    rules = [rule for rule in app.url_map.iter_rules() if "<token>" in rule.rule]
    assert len(rules) >= 3
    for rule in rules:
        line = f"GET {rule.rule.replace('<token>', 'planted.Token-7')}?x=1 HTTP/1.1"
        assert "planted" not in hide_tokens(line)
        assert hide_tokens(line).endswith("?x=1 HTTP/1.1")
    assert hide_tokens("POST /sources/planted-8 HTTP/1.1") == "POST /sources/[hidden] HTTP/1.1"
    for line in ("GET /admin/sources/3 HTTP/1.1", "GET /api/sources/3/calls/ HTTP/1.1"):
        assert hide_tokens(line) == line

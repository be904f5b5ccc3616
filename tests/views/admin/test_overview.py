"""The admins' first page: the checklist ticks itself off, and what needs attention is listed with its link."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from datetime import timedelta
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import jobs
from app.clock import utc_now
from app.database.base import db
from app.models import SourcePerson, TemplateVersion, User
from app.services.accounts import administration
from app.services.base import audit
from app.services.operations import job_runs, migrations
from app.services.overview import checklist
from app.services.preferences import editing
from app.services.routing import suppressions
from app.services.sending.worker import DeliveryWorker
from tests.support import factories, statements
from tests.support.smtp import Server
from tests.support.sources import connect
from tests.views.forms import send

SignIn = Callable[[User], FlaskClient]
PAGE = "/admin"
FRAGMENT = {"HX-Request": "true"}


def steps_done(app: Flask, bob: User) -> list[str]:
    found = checklist.load_checklist(bob, app.config)
    return [name for name, is_done in found.done.items() if is_done]


def first_command(page: str) -> list[str]:
    """The words of the command that the page shows, as a shell reads them."""
    shown = unescape(re.search(r'<pre class="code"[^>]*>(.*?)</pre>', page, re.DOTALL)[1])
    return shlex.split(shown.replace("\\\n", ""))


def test_each_step_ticks_itself_off(app: Flask, sign_in: SignIn, bob: User) -> None:
    client = sign_in(bob)
    assert "0 of 5 done" in client.get(PAGE).text
    assert steps_done(app, bob) == []
    administration.invite("dana@example.test", "Dana", "recruiter", actor=bob)
    assert steps_done(app, bob) == ["invite"]
    version = db.session.query(TemplateVersion).first()
    fields = {
        column.name: getattr(version, column.name)
        for column in TemplateVersion.__table__.columns
        if column.name not in {"id", "number"}
    }
    db.session.add(TemplateVersion(number=2, **fields))
    db.session.commit()
    editing.change_defaults({"daily_digest": True}, actor=bob)
    assert steps_done(app, bob) == ["invite", "texts", "defaults"]
    assert "3 of 5 done" in client.get(PAGE).text


def test_the_copied_command_is_the_first_event_and_the_page_notices(
    app: Flask, sign_in: SignIn, bob: User, token: Callable[..., dict[str, str]]
) -> None:
    bob.email = "o'brien@example.test"
    db.session.commit()
    client = sign_in(bob)
    page = client.get(PAGE).text
    assert "Waiting for your first event…" in page
    assert 'hx-trigger="every 3s"' in page
    _curl, url, *words = first_command(page)
    assert url == "http://bellhop.test/api/events/"
    options = dict(zip(words[::2], words[1::2], strict=True))
    answer = app.test_client().post(
        "/api/events/", json=json.loads(options["-d"]), headers=token(bob, "events")
    )
    assert answer.status_code == 201
    fragment = client.get(PAGE, headers=FRAGMENT).text
    assert fragment.lstrip().startswith("<section")
    assert "First event received: System alert" in fragment
    assert "hx-trigger" not in fragment


def test_the_command_gets_a_token_of_its_own(app: Flask, sign_in: SignIn, bob: User) -> None:
    client = sign_in(bob)
    assert "Authorization: Bearer YOUR_TOKEN" in first_command(client.get(PAGE).text)
    page = send(client, PAGE, "/admin/first-event/token").text
    _curl, url, *words = first_command(page)
    options = [words[index + 1] for index in range(0, len(words), 2)]
    secret = next(text for text in options if text.startswith("Authorization")).partition(": ")[2]
    headers = {"Authorization": secret}
    assert app.test_client().post(url, json=json.loads(options[-1]), headers=headers).status_code == 201
    assert app.test_client().get("/api/notifications/", headers=headers).status_code == 403
    assert secret not in client.get(PAGE).text


def test_a_test_email_says_that_it_was_only_kept(
    app: Flask, sign_in: SignIn, bob: User, worker: DeliveryWorker
) -> None:
    client = sign_in(bob)
    assert send(client, PAGE, "/admin/test-email").status_code == 303
    assert "Waiting" in client.get(PAGE).text
    worker.deliver_due()
    page = client.get(PAGE).text
    assert "Not sent: no server is set up to send it" in page
    assert "mail" not in steps_done(app, bob)


def test_a_test_email_through_a_real_server_ticks_the_step(
    app: Flask, sign_in: SignIn, bob: User, worker: DeliveryWorker, smtp: Server
) -> None:
    client = sign_in(bob)
    send(client, PAGE, "/admin/test-email")
    worker.deliver_due()
    (mail,) = smtp.mailbox.mails
    assert mail["Subject"] == "Test email from Bellhop"
    assert mail["To"].addresses[0].addr_spec == bob.email
    assert steps_done(app, bob) == ["mail"]
    assert "Sent" in client.get(PAGE, headers=FRAGMENT).text


def test_the_eleventh_test_email_is_refused_with_the_reason(sign_in: SignIn, bob: User) -> None:
    client = sign_in(bob)
    for _time in range(11):
        answer = send(client, PAGE, "/admin/test-email")
    assert answer.status_code == 303
    assert "at most 10 tests in ten minutes" in client.get(PAGE).text


def test_the_checklist_can_be_hidden_for_all_admins_and_brought_back(sign_in: SignIn, bob: User) -> None:
    client = sign_in(bob)
    other = sign_in(factories.user("ada@example.test", role="admin"))
    send(client, PAGE, "/admin/checklist/dismissal")
    assert "Get started" not in other.get(PAGE).text
    send(other, PAGE, "/admin/checklist/restoration")
    assert "Get started" in client.get(PAGE).text
    assert [row.action for row in audit.page_for().rows][:2] == ["checklist.restored", "checklist.dismissed"]


def test_what_needs_attention_is_listed_with_its_link(
    sign_in: SignIn, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = sign_in(bob)
    job_runs.record_frequent_run("sweep", utc_now(), 0)
    assert "Nothing else. Every job is on time." in client.get(PAGE).text
    row = factories.notification(alice)
    factories.delivery(row, state="failed", reason="refused")
    factories.delivery(row, "sms", state="failed", reason="refused", created_at=utc_now() - timedelta(days=2))
    suppressions.add("email", "gone@example.test", "550 no such user")
    run = job_runs.begin("retention", utc_now(), "me")
    job_runs.fail(run, "OSError: disk full")
    source = connect("ashby", bob)
    db.session.add(SourcePerson(source_id=source.id, external="riley@example.test", name="Riley"))
    db.session.commit()
    version = migrations.SchemaVersion("0001", "0002", is_known=True)
    monkeypatch.setattr(migrations, "schema_version", lambda: version)
    page = client.get(PAGE).text
    for sentence, link in (
        ("1 delivery failed", "/admin/deliveries?outcome=failed"),
        ("1 address is blocked", "/admin/deliveries/suppressed"),
        ("The last run of retention failed", "/admin/jobs"),
        ("no account here", "/admin/sources"),
    ):
        assert sentence in page
        assert f'href="{link}"' in page
    assert "OSError: disk full" in page
    assert "Migrations are out of date" in page


def test_a_stopped_scheduler_and_late_jobs_are_reported(sign_in: SignIn, bob: User) -> None:
    client, now = sign_in(bob), utc_now()
    assert "No scheduler is running" in client.get(PAGE).text
    job_runs.record_frequent_run("sweep", now, 0)
    job_runs.record_frequent_run("deliver", now - timedelta(hours=1), 0)
    page = client.get(PAGE).text
    assert "No scheduler is running" not in page
    assert "1 job is late" in page


def test_the_page_takes_few_queries(app: Flask, sign_in: SignIn, bob: User) -> None:
    for name in jobs.SCHEDULE:
        job_runs.record_frequent_run(name, utc_now(), 0)
    client = sign_in(bob)
    client.get(PAGE)
    with statements.recorded() as seen:
        client.get(PAGE)
    assert len([each for each in seen if each.startswith(("SELECT", "WITH"))]) <= 18


@pytest.mark.parametrize(
    "path", ["/admin", "/admin/users", "/admin/jobs", "/admin/audit", "/admin/deliveries"]
)
def test_admins_are_reminded_that_emails_reach_no_one(
    app: Flask, sign_in: SignIn, bob: User, path: str
) -> None:
    client = sign_in(bob)
    assert "Emails are not sent" in client.get(path).text
    assert "Emails are not sent" not in client.get("/notifications").text
    app.config["MAIL_SERVER"] = "smtp.example.test"
    assert "Emails are not sent" not in client.get(path).text

"""The audit log as admins read it: sentences, filters and a download."""

from __future__ import annotations

import ast
import csv
import io
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient

from app.clock import utc_now
from app.database.base import db
from app.models import AuditEntry, User
from app.models.delivery import END_STATES
from app.services.accounts import administration
from app.services.base import audit
from app.views.presenters import audit_sentences
from tests.support import factories

SignIn = Callable[[User], FlaskClient]
PAGE = "/admin/audit"
APP = Path(__file__).resolve().parents[3] / "app"
CODE = re.compile(r"[a-z_]+\.[a-z_]+")
# Recorded under a name that is put together, or by a function that is told the name.
COMPUTED = {
    *(f"delivery.{state}" for state in END_STATES),
    *("access.forbidden", "limit.reached", "token.refused", "csrf.refused", "sign_out"),
}


def codes() -> Iterator[str]:
    """Every action that a file which writes to the audit log names."""
    for path in APP.rglob("*.py"):
        text = path.read_text()
        if "audit.record(" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "audit.record":
                yield from _strings(node.args[0])
            elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "action":
                yield from _strings(node.value)


def _strings(node: ast.expr) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and CODE.fullmatch(part.value):
            yield part.value


def test_sentences_name_what_pages_do_not_call_by_its_code(app: Flask) -> None:
    entries = {
        ("template.published", "interview_scheduled"): "Published version 2 of “Interview scheduled”",
        ("job.asked", "deliver"): "Started the job “Messages”",
        ("preference.unlocked", "system.email"): "Made System (Email) optional",
        ("mail.stopped", "alice@example.test"): "Unsubscribed from emails: Resumes",
    }
    detail = {"version": 2, "scope": "resume"}
    with app.test_request_context():
        for (action, subject), sentence in entries.items():
            entry = AuditEntry(action=action, subject=subject, detail=detail)
            assert audit_sentences.describe(entry).sentence == sentence


def test_every_action_has_a_sentence_in_an_area_of_the_filter() -> None:
    found = set(codes())
    assert len(found) > 50
    assert sorted((found | COMPUTED) - audit_sentences.ACTIONS.keys()) == []
    assert {action.area for action in audit_sentences.ACTIONS.values()} == audit_sentences.AREAS.keys()


def test_entries_are_sentences(sign_in: SignIn, alice: User, bob: User) -> None:
    administration.change(alice.id, role="admin", actor=bob)
    audit.record("sign_in.failed", alice.email, origin="192.0.2.7", why="password")
    audit.record("delivery.sent", alice.email, delivery_id=590, channel="email", reason="kept")
    audit.record("delivery.sent", bob.email, delivery_id=591, channel="email")
    audit.record("from_another_release.done", "something", count=3)
    db.session.commit()
    page = sign_in(bob).get(PAGE).text
    assert "Changed the role of alice@example.test: Recruiter → Admin" in page
    assert "Sign-in failed for alice@example.test: wrong password" in page
    assert "192.0.2.7" in page
    assert "Email to alice@example.test was not sent: no server is set up to send it" in page
    assert "Email sent to bob@example.test" in page
    assert "from_another_release.done something {&#34;count&#34;: 3}" in page
    assert "sign_in.failed" not in page


def test_a_sentence_survives_an_old_entry_without_its_values(app: Flask) -> None:
    for code in audit_sentences.ACTIONS:
        assert audit_sentences.describe(AuditEntry(action=code, subject="", detail={})).sentence


def test_the_log_is_filtered_and_paged(app: Flask, sign_in: SignIn, bob: User) -> None:
    for number in range(60):
        audit.record("thing.done", f"thing {number}", actor=bob)
    audit.record("thing.undone", "the last thing")
    audit.record("job.asked", "sweep", actor=bob)
    db.session.commit()
    client = sign_in(bob)
    page = client.get(PAGE).text
    assert page.index("the last thing") < page.index("thing 59")
    assert page.count("<tr>") == 51
    assert "Older entries" in page
    assert client.get(f"{PAGE}?action=thing.undone").text.count("<tr>") == 2
    assert client.get(f"{PAGE}?area=operations").text.count("<tr>") == 2
    assert "the last thing" not in client.get(f"{PAGE}?person={bob.email.upper()}").text
    assert "the last thing" not in client.get(f"{PAGE}?q=okafor").text
    assert (
        "No entry matches the search and the filters."
        in client.get(f"{PAGE}?person=nobody@example.test").text
    )
    tomorrow = (utc_now() + timedelta(days=2)).date()
    assert "No entry matches the search and the filters." in client.get(f"{PAGE}?since={tomorrow}").text
    assert client.get(f"{PAGE}?until={tomorrow}&since=nonsense").text.count("<tr>") == 51


def test_the_download_has_the_filtered_rows_and_no_formulas(sign_in: SignIn, alice: User, bob: User) -> None:
    mallory = factories.user("mallory@example.test", "=1+1")
    audit.record("announcement.created", "=HYPERLINK(1)", actor=mallory, people=3000)
    audit.record("job.asked", "sweep", actor=bob)
    db.session.commit()
    answer = sign_in(bob).get(f"{PAGE}.csv?area=announcements")
    assert answer.mimetype == "text/csv"
    header, row = csv.reader(io.StringIO(answer.text.lstrip("\ufeff")))
    assert header[:3] == ["When", "Who", "Action"]
    assert row[1:] == [
        "mallory@example.test",
        "announcement.created",
        "Announced “=HYPERLINK(1)” to 3,000 people",
        "'=HYPERLINK(1)",
        '{"people": 3000}',
    ]
    assert sign_in(alice).get(f"{PAGE}.csv").status_code == 403

"""The audit log."""

from __future__ import annotations

from flask import Flask

from app.database.base import db
from app.models import User
from app.services.base import audit
from tests.support import factories


def subjects(page: audit.AuditPage) -> list[str]:
    return [row.subject for row in page.rows]


def test_the_log_pages_newest_first_without_gaps(app: Flask) -> None:
    for number in range(7):
        audit.record("thing.done", str(number))
    db.session.commit()
    first = audit.page_for(limit=3)
    second = audit.page_for(before=first.older, limit=3)
    third = audit.page_for(before=second.older, limit=3)
    assert [subjects(page) for page in (first, second, third)] == [["6", "5", "4"], ["3", "2", "1"], ["0"]]
    assert third.older is None


def test_the_log_is_filtered_by_action_and_person(alice: User, bob: User) -> None:
    audit.record("user.invited", "dana@example.test", actor=bob)
    audit.record("sign_in.failed", bob.email)
    audit.record("sign_in.failed", alice.email)
    db.session.commit()
    assert subjects(audit.page_for(action="sign_in.failed")) == [alice.email, bob.email]
    assert subjects(audit.page_for(person=bob.email)) == [bob.email, "dana@example.test"]
    assert subjects(audit.page_for(person="dana@example.test", action="user.invited")) == [
        "dana@example.test"
    ]
    assert subjects(audit.page_for(person="nobody@example.test")) == []


def test_each_action_is_listed_once(any_app: Flask) -> None:
    assert audit.actions() == []
    person = factories.user("dana@example.test")
    for action in ("b.c", "a.b", "b.c", "d.e"):
        audit.record(action, actor=person)
    db.session.commit()
    assert audit.actions() == ["a.b", "b.c", "d.e"]

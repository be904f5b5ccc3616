"""The audit log."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from app.clock import utc_now
from app.database.base import db
from app.models import User
from app.services.base import audit
from app.services.base.audit import AuditFilters


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
    assert subjects(audit.page_for(AuditFilters(("sign_in.failed",)))) == [alice.email, bob.email]
    assert subjects(audit.page_for(AuditFilters(person=bob.email))) == [bob.email, "dana@example.test"]
    assert subjects(audit.page_for(AuditFilters(("user.invited",), person="dana@example.test"))) == [
        "dana@example.test"
    ]
    assert subjects(audit.page_for(AuditFilters(person="nobody@example.test"))) == []


def test_people_are_found_by_part_of_a_name_and_entries_by_time(alice: User, bob: User) -> None:
    now = utc_now()
    audit.record("user.invited", "dana@example.test", actor=bob)
    audit.record("sign_in.failed", bob.email)
    audit.record("sign_in.failed", alice.email)
    db.session.commit()
    assert subjects(audit.page_for(AuditFilters(person="okafor"))) == [bob.email, "dana@example.test"]
    assert subjects(audit.page_for(AuditFilters(person="moreau"))) == [alice.email]
    soon = now + timedelta(minutes=1)
    assert len(audit.page_for(AuditFilters(since=now - timedelta(minutes=1), until=soon)).rows) == 3
    assert subjects(audit.page_for(AuditFilters(since=soon))) == []
    assert subjects(audit.page_for(AuditFilters(until=now - timedelta(minutes=1)))) == []


def test_all_entries_are_read_in_chunks(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "CHUNK", 3)
    for number in range(7):
        audit.record("thing.done", str(number))
    db.session.commit()
    assert [entry.subject for entry in audit.iterate(AuditFilters())] == list("6543210")

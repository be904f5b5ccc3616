"""Calls are checked and stored; secrets can be replaced without losing one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.database.base import db
from app.models import Source, SourceCall, User
from app.services.base.errors import Conflict, Invalid, NotFound
from app.services.sources import connections, receiving, trial
from tests.support.audit import audit_entries
from tests.support.source_calls import NOW, ORDINARY, SECRET, signed
from tests.support.sources import KEY, call, connect, inbox

KINDS = sorted(ORDINARY)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_stored_of_a_call_with_a_wrong_signature(app: Flask, kind: str, bob: User) -> None:
    source = connect(kind, bob)
    assert call(source, ORDINARY[kind], secret="that of another source") is None
    assert connections.get(source.id).refused_at == NOW
    headers, body = signed(kind, ORDINARY[kind])
    late = NOW + timedelta(minutes=10)
    if kind in {"lever", "calendly", "standard"}:
        assert receiving.receive(source.public_id, headers, body, secret=KEY, now=late) is None
    assert db.session.scalars(select(SourceCall)).all() == []
    assert connections.get(source.id).last_call_at is None
    assert call(source, ORDINARY[kind]) is not None
    with pytest.raises(NotFound):
        receiving.receive("unknown", headers, body, secret=KEY, now=NOW)


def test_both_secrets_are_accepted_for_a_day_after_a_change(app: Flask, bob: User) -> None:
    source = connect("ashby", bob)
    connections.change(source.id, actor=bob, secret=KEY, signing_secret="a newer secret", now=NOW)
    with pytest.raises(Conflict, match="within the last 24 hours"):
        connections.change(source.id, actor=bob, secret=KEY, signing_secret="the newest", now=NOW)
    document = ORDINARY["ashby"]
    assert call(source, document | {"n": 1}, now=NOW) is not None
    assert call(source, document | {"n": 2}, now=NOW, secret="a newer secret") is not None
    later = NOW + timedelta(hours=24)
    assert call(source, document | {"n": 3}, now=later) is None
    assert call(source, document | {"n": 4}, now=later, secret="a newer secret") is not None


def test_secrets_are_not_stored_in_the_clear_nor_logged(app: Flask, bob: User) -> None:
    source = connect("ashby", bob)
    assert SECRET not in source.secret
    assert connections.accepted_secrets(source, KEY, NOW) == [SECRET]
    assert connections.accepted_secrets(source, "another key", NOW) == []
    (entry,) = audit_entries("source.created")
    assert SECRET not in str(entry.detail)


@pytest.mark.parametrize("kind", KINDS)
def test_a_test_call_notifies_only_the_person_who_sent_it(
    app: Flask, kind: str, alice: User, bob: User
) -> None:
    source = connect(kind, bob)
    row = trial.send_test(source.id, bob, secret=KEY)
    assert row.verdict == "Notified 1 person"
    assert len(inbox(bob)) == 1
    assert inbox(alice) == []
    connections.change(source.id, actor=bob, secret=KEY, is_paused=True)
    with pytest.raises(Conflict, match="paused"):
        trial.send_test(source.id, bob, secret=KEY)


def test_wrong_settings_are_refused(app: Flask, bob: User) -> None:
    with pytest.raises(Invalid) as found:
        connections.create("fax", " ", "short", "x" * 300, actor=bob, secret=KEY)
    assert found.value.errors.keys() == {"kind", "name", "secret", "company_name"}
    assert db.session.scalars(select(Source)).all() == []

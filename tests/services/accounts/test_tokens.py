"""Bearer tokens."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.clock import utc_now
from app.database.base import db
from app.models import AuditEntry, Delivery, User
from app.services.accounts import notices, tokens
from app.services.base.errors import Conflict, Invalid, NotFound
from tests.support import statements


@pytest.fixture
def queries(app: Flask) -> Iterator[list[str]]:
    with statements.recorded() as seen:
        yield seen


def test_a_token_is_shown_once_and_only_its_digest_is_stored(alice: User) -> None:
    token, text = tokens.create(alice, " CI  job ", ["write", "read", "read"])
    assert re.fullmatch(r"bhp_[0-9A-Za-z]{40}", text)
    assert (token.name, token.scopes, token.prefix) == ("CI job", ["read", "write"], text[:10])
    assert token.digest == hashlib.sha256(text.encode()).hexdigest()
    everything = [str(vars(row)) for row in (*db.session.scalars(select(AuditEntry)), token)]
    assert not any(text in row or text[10:] in row for row in everything)


def test_a_token_is_found_in_one_query_on_an_index(alice: User, queries: list[str]) -> None:
    _token, text = tokens.create(alice, "CI", ["read"])
    tokens.authenticate(text)
    db.session.remove()
    queries.clear()
    found = tokens.authenticate(text)
    assert found is not None
    assert found.user_id == alice.id
    assert len(queries) == 1
    plan = db.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {queries[0]}", ("x",)).all()
    assert all("SEARCH" in row[-1] for row in plan), plan


def test_a_mistyped_token_costs_no_query(alice: User, queries: list[str]) -> None:
    _token, text = tokens.create(alice, "CI", ["read"])
    queries.clear()
    last = "0" if text[-1] != "0" else "1"
    for odd in (
        "",
        "bhp_",
        text[:-1],
        text + "0",
        text[:-1] + last,
        text.replace("bhp_", "bhq_"),
        "é" * 44,
        "\0",
    ):
        assert tokens.authenticate(odd) is None
    assert queries == []


def test_a_token_stops_working_when_expired_revoked_or_its_owner_is_deactivated(alice: User) -> None:
    now = utc_now()
    _token, dated = tokens.create(alice, "dated", ["read"], days=1, now=now)
    revoked, gone = tokens.create(alice, "gone", ["read"])
    _token, kept = tokens.create(alice, "kept", ["read"])
    assert tokens.authenticate(dated, now + timedelta(hours=23))
    assert tokens.authenticate(dated, now + timedelta(days=1)) is None
    tokens.revoke(alice, revoked.id)
    assert tokens.authenticate(gone) is None
    alice.is_enabled = False
    db.session.commit()
    assert tokens.authenticate(kept) is None


def test_the_last_use_is_recorded_once_a_minute(alice: User, queries: list[str]) -> None:
    token, text = tokens.create(alice, "CI", ["read"])
    now = utc_now()
    for seconds in (0, 20, 40, 59, 61, 90):
        tokens.authenticate(text, now + timedelta(seconds=seconds))
    assert len([query for query in queries if query.startswith("UPDATE api_tokens")]) == 2
    db.session.refresh(token)
    assert token.last_used_at == now + timedelta(seconds=61)


def test_only_admins_may_give_admin_scopes(alice: User, bob: User) -> None:
    for scope in ("events", "admin"):
        with pytest.raises(Invalid) as caught:
            tokens.create(alice, "CI", ["read", scope], actor=alice)
        assert list(caught.value.errors) == ["scopes"]
        assert tokens.create(bob, "CI", [scope], actor=bob)
    assert tokens.create(alice, "from the command line", ["events"])


def test_the_admin_scope_works_only_while_its_owner_is_an_admin(alice: User, bob: User) -> None:
    _token, hers = tokens.create(alice, "from the command line", list(tokens.SCOPES))
    _token, his = tokens.create(bob, "CI", list(tokens.SCOPES))
    assert tokens.authenticate(hers).scopes == {"read", "write", "events"}
    assert tokens.authenticate(his).scopes == set(tokens.SCOPES)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("name", {"name": " "}),
        ("name", {"name": "x" * 101}),
        ("name", {"name": "a\0b"}),
        ("scopes", {"scopes": []}),
        ("scopes", {"scopes": ["read", "everything"]}),
        ("days", {"days": 0}),
        ("days", {"days": 10**9}),
    ],
)
def test_invalid_fields_are_named(alice: User, field: str, values: dict[str, object]) -> None:
    with pytest.raises(Invalid) as caught:
        tokens.create(alice, **({"name": "CI", "scopes": ["read"], "days": 30} | values))
    assert list(caught.value.errors) == [field]
    assert tokens.for_user(alice) == []


def test_anothers_token_cannot_be_revoked(alice: User, charlie: User) -> None:
    token, text = tokens.create(alice, "CI", ["read"])
    with pytest.raises(NotFound):
        tokens.revoke(charlie, token.id)
    assert tokens.authenticate(text) is not None
    assert tokens.for_user(charlie) == []


def test_a_child_has_no_more_scopes_and_is_revoked_with_its_parent(alice: User) -> None:
    parent, _text = tokens.create(alice, "parent", ["write"], days=30)
    with pytest.raises(Invalid) as caught:
        tokens.create(alice, "child", ["read"], parent_id=parent.id, actor=alice)
    assert list(caught.value.errors) == ["scopes"]
    child, child_text = tokens.create(alice, "child", ["write"], parent_id=parent.id, actor=alice)
    _grandchild, text = tokens.create(alice, "grandchild", ["write"], parent_id=child.id, actor=alice)
    _other, other_text = tokens.create(alice, "other", ["write"])
    assert child.expires_at == parent.expires_at
    tokens.revoke(alice, parent.id)
    assert [tokens.authenticate(each) is not None for each in (child_text, text, other_text)] == [
        False,
        False,
        True,
    ]
    with pytest.raises(NotFound):
        tokens.create(alice, "orphan", ["write"], parent_id=parent.id, actor=alice)


def test_a_former_admins_tokens_take_their_children_with_them(alice: User, bob: User) -> None:
    parent, _text = tokens.create(bob, "mighty", ["read", "admin"])
    _child, text = tokens.create(bob, "harmless", ["read"], parent_id=parent.id, actor=bob)
    assert tokens.revoke_admin_scopes(bob, utc_now()) == 2
    db.session.commit()
    assert tokens.authenticate(text) is None


def test_the_number_of_tokens_is_limited(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MAX_TOKENS", 2)
    first, _text = tokens.create(alice, "1", ["read"], actor=alice)
    tokens.create(alice, "2", ["read"], days=1, actor=alice)
    with pytest.raises(Conflict):
        tokens.create(alice, "3", ["read"], actor=alice)
    tokens.revoke(alice, first.id)
    tokens.create(alice, "3", ["read"], actor=alice)
    # Expired tokens do not count.
    tokens.create(alice, "4", ["read"], actor=alice, now=utc_now() + timedelta(days=2))


def test_the_owner_gets_an_email_about_a_new_token(alice: User) -> None:
    _token, text = tokens.create(alice, "nightly report", ["read"], actor=alice)
    (mail,) = db.session.scalars(select(Delivery))
    assert (mail.kind, mail.address, mail.subject) == ("security_notice", alice.email, "New API token")
    assert "nightly report" in mail.text
    assert text not in mail.text
    for _number in range(20):
        tokens.create(alice, "again", ["read"], actor=alice)
    assert db.session.scalar(select(func.count()).select_from(Delivery)) == notices.MAX_AN_HOUR
    # Tokens created on the command line have no creator.
    tokens.create(alice, "by an operator", ["read"])
    assert db.session.scalar(select(func.count()).select_from(Delivery)) == notices.MAX_AN_HOUR

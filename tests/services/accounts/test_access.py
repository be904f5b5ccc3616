"""Deactivation and, on request, a new password revoke all access."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.database.base import db
from app.models import Delivery, PushSubscription, User, Webhook
from app.services.accounts import access, administration, browsers, emails, tokens, users, webhooks
from app.services.accounts.access import Access
from app.services.base.errors import Invalid
from tests.channels.test_push import Browser
from tests.support import factories
from tests.support.audit import audit_entries

NEW = "another long password"


@pytest.fixture
def token(alice: User) -> str:
    """A token of Alice, who also has a webhook and a browser."""
    webhooks.create(alice, "https://hooks.example.com/", secret="s")
    keys = Browser()
    browsers.subscribe(alice, "https://p.example.com/1", keys.p256dh, keys.auth, "Firefox")
    return tokens.create(alice, "CI", ["read"])[1]


def by_hand(user: User, *, revoke: bool) -> None:
    users.change_password(user, factories.PASSWORD, NEW, revoke_access=revoke)


def by_link(user: User, *, revoke: bool) -> None:
    link = emails.make_password_link("password_reset", user, "s", "", datetime.now(UTC))
    emails.set_password_by_link(link.rpartition("/")[2], NEW, secret="s", revoke_access=revoke)


@pytest.mark.parametrize("change", [by_hand, by_link])
@pytest.mark.parametrize("revoke", [True, False])
def test_a_new_password_revokes_access_only_on_request_and_notifies_the_owner(
    alice: User, token: str, change: Callable[..., None], revoke: bool
) -> None:
    change(alice, revoke=revoke)
    assert access.count(alice) == (Access(0, 0, 0) if revoke else Access(1, 1, 1))
    assert (tokens.authenticate(token) is None) == revoke
    assert len(audit_entries("access.revoked")) == int(revoke)
    subjects = db.session.scalars(select(Delivery.subject).where(Delivery.kind == "security_notice"))
    assert list(subjects) == ["New webhook", "Your password was changed"]


def test_choosing_the_first_password_sends_no_security_notice(alice: User) -> None:
    alice.password_hash = None
    db.session.commit()
    link = emails.make_password_link("invitation", alice, "s", "", datetime.now(UTC))
    emails.set_password_by_link(link.rpartition("/")[2], NEW, secret="s")
    assert db.session.scalar(select(func.count()).select_from(Delivery)) == 0


def test_reactivation_restores_no_access(alice: User, bob: User, token: str) -> None:
    administration.change(alice.id, is_enabled=False, actor=bob)
    assert access.count(alice) == Access(0, 0, 0)
    administration.change(alice.id, is_enabled=True, actor=bob)
    assert tokens.authenticate(token) is None
    assert access.count(alice) == Access(0, 0, 0)


def test_reactivation_restores_no_access_of_an_account_disabled_in_the_database(
    alice: User, bob: User, token: str
) -> None:
    alice.is_enabled = False
    db.session.commit()
    administration.change(alice.id, is_enabled=True, actor=bob)
    assert tokens.authenticate(token) is None


def test_access_of_other_people_is_unchanged(alice: User, charlie: User, token: str) -> None:
    _row, his = tokens.create(charlie, "his", ["read"])
    webhooks.create(charlie, "https://hooks.example.com/", secret="s")
    access.revoke(alice)
    assert tokens.authenticate(his) is not None
    assert db.session.scalars(select(Webhook.user_id)).all() == [charlie.id]


def test_a_browser_cannot_be_taken_over_by_someone_who_knows_its_address(
    app: Flask, alice: User, charlie: User
) -> None:
    address, keys, own = "https://p.example.com/1", Browser(), Browser()
    browsers.subscribe(alice, address, keys.p256dh, keys.auth, "Firefox")
    with pytest.raises(Invalid) as caught:
        browsers.subscribe(charlie, address, own.p256dh, own.auth, "Mine now")
    assert list(caught.value.errors) == ["endpoint"]
    row = db.session.scalars(select(PushSubscription)).one()
    assert (row.user_id, row.auth) == (alice.id, keys.auth)
    # The browser itself, in which another person is signed in now, and its owner with new keys.
    browsers.subscribe(charlie, address, keys.p256dh, keys.auth, "Firefox")
    browsers.subscribe(charlie, address, own.p256dh, own.auth, "Firefox")
    db.session.refresh(row)
    assert (row.user_id, row.auth) == (charlie.id, own.auth)

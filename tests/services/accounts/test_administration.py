"""Admins manage accounts."""

from __future__ import annotations

import threading

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.database.base import db
from app.models import Delivery, User, UserNotificationPreference
from app.services.accounts import access, administration, tokens, users
from app.services.base.errors import Conflict, Forbidden, Invalid, NotFound
from tests.support import factories
from tests.support.audit import audit_entries


def test_an_invitation_creates_an_account_without_a_password_and_one_email(bob: User) -> None:
    made = administration.invite("Dana@example.test", "Dana", "recruiter", actor=bob)
    assert (made.email, made.password_hash, made.is_enabled) == ("dana@example.test", None, True)
    assert db.session.get(UserNotificationPreference, made.id) is not None
    (mail,) = db.session.scalars(select(Delivery))
    assert (mail.kind, mail.recipient_id, mail.channel, mail.address) == (
        "invitation",
        made.id,
        "email",
        made.email,
    )
    (entry,) = audit_entries("user.invited")
    assert (entry.actor_id, entry.subject, entry.detail) == (bob.id, made.email, {"role": "recruiter"})


def test_an_address_is_invited_once_and_the_invitation_can_be_resent(alice: User, bob: User) -> None:
    with pytest.raises(Invalid) as caught:
        administration.invite("ALICE@example.test", "Alice", "recruiter", actor=bob)
    assert list(caught.value.errors) == ["email"]
    made = administration.invite("dana@example.test", "Dana", "recruiter", actor=bob)
    administration.resend_invitation(made.id, actor=bob)
    assert db.session.scalar(select(func.count(Delivery.id))) == 2
    with pytest.raises(Conflict):
        administration.resend_invitation(alice.id, actor=bob)
    administration.change(made.id, is_enabled=False, actor=bob)
    with pytest.raises(Conflict):
        administration.resend_invitation(made.id, actor=bob)


def test_a_deactivated_user_is_signed_out_at_once_and_can_be_reactivated(alice: User, bob: User) -> None:
    _token, text = tokens.create(alice, "CI", ["read"])
    administration.change(alice.id, is_enabled=False, actor=bob)
    assert tokens.authenticate(text) is None
    administration.change(alice.id, is_enabled=False, actor=bob)
    administration.change(alice.id, is_enabled=True, actor=bob)
    assert users.authenticate(alice.email, factories.PASSWORD) is alice
    assert tokens.authenticate(text) is None
    assert len(audit_entries("user.deactivated")) == len(audit_entries("user.reactivated")) == 1


def test_a_role_and_a_state_are_changed_together_or_not_at_all(
    alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_options: object) -> None:
        raise NotFound

    monkeypatch.setattr(access, "revoke_all", fail)
    with pytest.raises(NotFound):
        administration.change(alice.id, role="admin", is_enabled=False, actor=bob)
    db.session.refresh(alice)
    assert (alice.role, alice.is_enabled) == ("recruiter", True)


def test_a_former_admin_loses_the_tokens_only_admins_may_have(alice: User, bob: User) -> None:
    administration.change(alice.id, role="admin", actor=bob)
    _token, mighty = tokens.create(alice, "mighty", ["read", "events"], actor=alice)
    _token, plain = tokens.create(alice, "plain", ["read"], actor=alice)
    administration.change(alice.id, role="recruiter", actor=bob)
    assert tokens.authenticate(mighty) is None
    assert tokens.authenticate(plain) is not None
    assert [entry.detail for entry in audit_entries("user.role_changed")] == [
        {"before": "recruiter", "after": "admin"},
        {"before": "admin", "after": "recruiter"},
    ]


def test_an_admin_cannot_lock_themselves_out(alice: User, bob: User) -> None:
    for attempt in (
        lambda: administration.change(bob.id, role="recruiter", actor=bob),
        lambda: administration.change(bob.id, is_enabled=False, actor=bob),
        lambda: administration.change(bob.id, is_enabled=False, actor=alice),
        lambda: administration.change(alice.id, role="admin", actor=alice),
    ):
        with pytest.raises(Forbidden):
            attempt()
    assert bob.is_admin
    assert bob.is_enabled
    assert not alice.is_admin


def test_unknown_users_and_roles_are_refused(bob: User) -> None:
    with pytest.raises(NotFound):
        administration.change(987654, is_enabled=False, actor=bob)
    with pytest.raises(NotFound):
        administration.resend_invitation(987654, actor=bob)
    with pytest.raises(Invalid):
        administration.change(bob.id, role="owner", actor=bob)


def test_two_admins_who_demote_each_other_at_once_leave_one(any_app: Flask) -> None:
    for round_ in range(6):
        pair = [factories.user(f"admin{round_}{side}@example.test", role="admin").id for side in "ab"]
        for user in db.session.scalars(select(User).where(User.id.not_in(pair))):
            user.role = "recruiter"
        db.session.commit()
        start = threading.Barrier(2)

        def remove(target: int, actor: int, start: threading.Barrier = start, round_: int = round_) -> None:
            with any_app.app_context():
                admin = db.session.get(User, actor)
                start.wait()
                try:
                    if round_ % 2:
                        administration.change(target, role="recruiter", actor=admin)
                    else:
                        administration.change(target, is_enabled=False, actor=admin)
                except Forbidden:
                    pass
                finally:
                    db.session.remove()

        threads = [threading.Thread(target=remove, args=side) for side in (pair, reversed(pair))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        db.session.expire_all()
        left = db.session.scalar(select(func.count()).where(User.role == "admin", User.is_enabled))
        db.session.commit()
        assert left == 1


def test_users_are_listed_by_name_in_contiguous_pages(any_app: Flask) -> None:
    names = ["alan", "Alan", "Bea", "carol", "Dan", "dan", "Eve"]
    for number, name in enumerate(names):
        factories.user(f"p{number}@example.test", name)
    first = administration.page_for(limit=3)
    second = administration.page_for(after=first.next, limit=3)
    third = administration.page_for(after=second.next, limit=3)
    assert [row.name for page in (first, second, third) for row in page.rows] == names
    assert (first.previous, third.next) == (None, None)
    back = administration.page_for(before=second.previous, limit=3)
    assert (back.rows, back.previous, back.next) == (first.rows, None, first.next)
    assert administration.page_for(before=third.previous, limit=3).rows == second.rows


def test_users_are_found_by_part_of_a_name_or_address(alice: User, charlie: User) -> None:
    assert administration.page_for("LINDQ").rows == [charlie]
    assert administration.page_for("alice@").rows == [alice]
    assert administration.page_for("%").rows == []

"""Account emails and the links in them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.clock import utc_now
from app.database.base import db
from app.models import AuditEntry, Delivery, User
from app.services.accounts import administration, tokens, users
from app.services.accounts import emails as account_emails
from app.services.base import audit
from app.services.base.audit import AuditFilters
from app.services.base.errors import Invalid, NotFound
from app.services.operations import retention
from tests.support.retention import KEPT

KEY = "a key for tests only"
NEW = "a password for later"


def link(user: User, kind: str = "password_reset", now=None, secret: str = KEY) -> str:
    address = account_emails.make_password_link(kind, user, secret, "https://bellhop.test", now or utc_now())
    start = "https://bellhop.test/password/reset/"
    assert address.startswith(start)
    return address.removeprefix(start)


def outbox() -> list[Delivery]:
    return list(db.session.scalars(select(Delivery).order_by(Delivery.id)))


def test_a_reset_queues_one_email_without_a_link(alice: User) -> None:
    account_emails.request_password_reset("ALICE@example.test")
    (mail,) = outbox()
    assert (mail.kind, mail.channel, mail.address, mail.state) == (
        "password_reset",
        "email",
        alice.email,
        "pending",
    )
    assert mail.recipient_id == alice.id
    assert (mail.text, mail.html, mail.reason_data) == (None, None, {})


def test_unknown_and_deactivated_addresses_get_no_reset_and_no_error(alice: User) -> None:
    alice.is_enabled = False
    db.session.commit()
    for email in ("nobody@example.test", alice.email, "not an address", ""):
        assert account_emails.request_password_reset(email) is None
    assert outbox() == []


def test_an_address_gets_three_reset_emails_an_hour(alice: User, charlie: User) -> None:
    now = utc_now()
    for _time in range(5):
        account_emails.request_password_reset(alice.email, now=now)
    account_emails.request_password_reset(charlie.email, now=now)
    assert [mail.address for mail in outbox()] == [alice.email] * 3 + [charlie.email]
    account_emails.request_password_reset(alice.email, now=now + timedelta(minutes=61))
    assert len(outbox()) == 5


def test_a_link_sets_a_password_once_and_ends_every_session(alice: User) -> None:
    text = link(alice)
    other = link(alice)
    assert account_emails.find_link_owner(text, secret=KEY) == (alice, "password_reset")
    account_emails.set_password_by_link(text, NEW, secret=KEY)
    assert users.authenticate(alice.email, NEW) is alice
    for used in (text, other):
        with pytest.raises(NotFound):
            account_emails.set_password_by_link(used, "yet another password", secret=KEY)


def test_a_refused_password_leaves_the_link_usable(alice: User) -> None:
    text = link(alice)
    with pytest.raises(Invalid) as caught:
        account_emails.set_password_by_link(text, "short", secret=KEY)
    assert list(caught.value.errors) == ["password"]
    assert account_emails.set_password_by_link(text, NEW, secret=KEY)


@pytest.mark.parametrize(("kind", "hours"), [("password_reset", 1), ("invitation", 7 * 24)])
def test_a_link_expires(alice: User, kind: str, hours: int) -> None:
    now = utc_now()
    text = link(alice, kind, now)
    assert account_emails.find_link_owner(text, secret=KEY, now=now + timedelta(hours=hours, seconds=-2))
    with pytest.raises(NotFound):
        account_emails.find_link_owner(text, secret=KEY, now=now + timedelta(hours=hours))


def test_a_forged_link_is_not_found(alice: User) -> None:
    good = link(alice)
    for text in ("", "x", good[:-1], good + "x", "." + good, link(alice, secret="another key"), "é" * 20):
        with pytest.raises(NotFound):
            account_emails.find_link_owner(text, secret=KEY)


def test_a_link_stops_working_when_the_account_is_deactivated(alice: User, bob: User) -> None:
    text = link(alice)
    administration.change(alice.id, is_enabled=False, actor=bob)
    administration.change(alice.id, is_enabled=True, actor=bob)
    with pytest.raises(NotFound):
        account_emails.find_link_owner(text, secret=KEY)


def test_a_link_reveals_neither_address_nor_password(alice: User) -> None:
    import base64

    text = link(alice)
    shown = base64.urlsafe_b64decode(text.partition(".")[0] + "==")
    assert alice.email.encode() not in shown
    assert alice.password_hash[-20:].encode() not in shown


def test_a_new_password_unlocks_the_account(alice: User) -> None:
    for _time in range(10):
        with pytest.raises(Invalid):
            users.authenticate(alice.email, "a guess")
    account_emails.set_password_by_link(link(alice), NEW, secret=KEY)
    assert users.authenticate(alice.email, NEW) is alice


def test_an_account_is_invited_reset_and_deactivated_on_both_databases(any_app: Flask) -> None:
    admin = users.create_user("bob@example.test", "Bob", role="admin", password="a good long one")
    dana = administration.invite("dana@example.test", "Dana", "recruiter", actor=admin)
    account_emails.set_password_by_link(link(dana, "invitation"), NEW, secret=KEY)
    assert users.authenticate(dana.email, NEW) is dana
    users.change_password(dana, NEW, "a newer password")
    account_emails.request_password_reset(dana.email)
    assert [mail.kind for mail in outbox()] == [
        "invitation",
        "security_notice",
        "password_reset",
    ]
    _token, text = tokens.create(dana, "CI", ["read"], days=1, actor=dana)
    assert tokens.authenticate(text).last_used_at is not None
    administration.change(dana.id, is_enabled=False, actor=admin)
    assert tokens.authenticate(text) is None
    with pytest.raises(Invalid):
        users.create_user("DANA@example.test", "Another", password="a good long one")
    with pytest.raises(Invalid):
        users.authenticate(dana.email, "a newer password")
    assert audit.page_for(AuditFilters(("sign_in.failed",), person=dana.email)).rows


def test_reset_requests_cannot_fill_the_audit_log(alice: User) -> None:
    for number in range(120):
        account_emails.request_password_reset(alice.email)
        account_emails.request_password_reset(f"nobody{number}@example.test")
    entries = select(AuditEntry.subject).where(AuditEntry.action == "password.reset_requested")
    subjects = db.session.scalars(entries).all()
    assert len(subjects) == account_emails.MAX_AUDITED_AN_HOUR
    assert subjects.count(alice.email) == account_emails.RESETS_AN_HOUR
    account_emails.request_password_reset("later@example.test", now=utc_now() + timedelta(hours=2))
    assert "later@example.test" in db.session.scalars(entries).all()


def test_the_audit_log_is_kept_for_two_years(alice: User) -> None:
    now = utc_now()
    for days in (731, 729):
        db.session.add(
            AuditEntry(action="user.created", subject=f"{days} days", at=now - timedelta(days=days))
        )
    db.session.commit()
    retention.purge(KEPT, now)
    assert db.session.scalars(select(AuditEntry.subject).where(AuditEntry.subject.like("%days"))).all() == [
        "729 days"
    ]

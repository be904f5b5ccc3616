from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.database.base import db
from app.models import Delivery, User
from app.services import create_notification
from app.services.preferences import unsubscribe
from app.services.sending.email import SiteIdentity
from app.services.sending.worker import DeliveryWorker
from tests.support.smtp import Server


@pytest.fixture
def link(app: Flask, alice: User) -> str:
    return unsubscribe.unsubscribe_link(alice, "interview", app.config["SECRET_KEY"], "")


def is_on(user: User) -> bool:
    db.session.refresh(user.preference)
    return bool(user.preference.matrix.get("interview", {}).get("email", True))


def test_one_click_unsubscribe_works_without_cookies_or_csrf(app: Flask, smtp: Server, alice: User) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    create_notification(alice, "interview_scheduled", "Interview", "On Thursday.")
    DeliveryWorker(
        SiteIdentity("http://bellhop.test", "bellhop@example.test", app.config["SECRET_KEY"])
    ).deliver_due()
    (mail,) = smtp.mailbox.mails
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    (path,) = re.fullmatch(r"<http://bellhop.test(/unsubscribe/\S+)>", mail["List-Unsubscribe"]).groups()  # type: ignore[union-attr]
    answer = app.test_client(use_cookies=False).post(path, data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert not is_on(alice)
    later = create_notification(alice, "interview_scheduled", "Another", "On Friday.")
    row = db.session.query(Delivery).filter_by(notification_id=later.id, channel="email").one()
    assert (row.state, row.reason) == ("skipped", "matrix_off")


@pytest.mark.parametrize("method", ["get", "head", "options"])
def test_a_link_scanner_does_not_unsubscribe(
    client: FlaskClient, alice: User, link: str, method: str
) -> None:
    assert getattr(client, method)(link).status_code == 200
    assert is_on(alice)


def test_the_page_asks_confirms_and_offers_undo(client: FlaskClient, alice: User, link: str) -> None:
    assert "Stop “" in client.get(link).text
    stopped = client.post(link).text
    assert "“Interviews” emails to alice@example.test are off" in stopped
    assert f'action="{link}/undo"' in stopped
    assert "You're unsubscribed" in client.get(link).text
    assert "emails go to alice@example.test again" in client.post(f"{link}/undo").text
    assert is_on(alice)


def test_an_email_that_was_already_off_has_no_undo(client: FlaskClient, alice: User, link: str) -> None:
    alice.preference.matrix = {"interview": {"email": False}}
    db.session.commit()
    page = client.post(link).text
    assert "You're unsubscribed" in page
    assert "Undo" not in page
    assert not is_on(alice)


def test_unsubscribing_changes_one_category_of_one_person(
    client: FlaskClient, alice: User, charlie: User, link: str
) -> None:
    alice.preference.matrix = {"resume": {"email": True}, "interview": {"sms": False}}
    db.session.commit()
    client.post(link)
    client.post(link)
    db.session.refresh(alice.preference)
    assert alice.preference.matrix == {"resume": {"email": True}, "interview": {"sms": False, "email": False}}
    assert alice.preference.email_enabled
    assert is_on(charlie)


def test_a_digest_link_turns_off_the_digest(app: Flask, client: FlaskClient, alice: User) -> None:
    alice.preference.daily_digest = True
    db.session.commit()
    client.post(unsubscribe.unsubscribe_link(alice, "daily_digest", app.config["SECRET_KEY"], ""))
    db.session.refresh(alice.preference)
    assert (alice.preference.daily_digest, alice.preference.matrix) == (False, {})


@pytest.mark.parametrize("damage", ["cut short", "longer", "made up"])
def test_a_broken_link_is_a_friendly_404(client: FlaskClient, alice: User, link: str, damage: str) -> None:
    broken = {"cut short": link[:-3], "longer": f"{link}x", "made up": "/unsubscribe/x"}[damage]
    for answer in (client.get(broken), client.post(broken)):
        assert answer.status_code == 404
        assert "Nothing was changed" in answer.text
    assert is_on(alice)


def test_a_link_signed_with_another_key_is_refused(client: FlaskClient, alice: User) -> None:
    assert client.post(unsubscribe.unsubscribe_link(alice, "interview", "another key", "")).status_code == 404
    assert is_on(alice)

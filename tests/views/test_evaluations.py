"""The answer "I didn't attend"."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app.clock import utc_now
from app.database.base import db
from app.models import Notification, User
from app.services.interviews import evaluations
from tests.support import factories


def test_the_reminder_has_the_button_and_it_works_both_ways(
    app: Flask, alice: User, charlie: User, client: FlaskClient, sign_in: Callable[[User], FlaskClient]
) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    over = utc_now() - timedelta(hours=2)
    factories.interview(alice, starts_at=over - timedelta(hours=1), status="completed", completed_at=over)
    evaluations.remind_due()
    number = db.session.scalar(select(Notification.id).where(Notification.recipient_id == alice.id))
    page, answer = f"/notifications/{number}", f"/notifications/{number}/absence"
    mine = sign_in(alice)
    assert "I didn't attend" in mine.get(page).text
    assert client.post(answer).status_code == 302
    assert sign_in(charlie).post(answer).status_code == 404
    assert mine.get(answer).status_code == 405
    assert "You said you didn't attend" in mine.post(answer, follow_redirects=True).text
    back = mine.post(answer, data={"_method": "delete"}, follow_redirects=True)
    assert "ask you for the evaluation again" in back.text


def test_other_notifications_have_no_such_button(alice: User, sign_in: Callable[[User], FlaskClient]) -> None:
    row = factories.notification(alice)
    assert "I didn't attend" not in sign_in(alice).get(f"/notifications/{row.id}").text

"""A reader with a 12-hour clock sees no 24-hour time: on pages, in emails, texts and calendars."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from app.clock import utc_now
from app.database.base import db
from app.models import Delivery, Notification, User
from app.services.operations import demo
from app.services.sending import payloads
from app.services.sending.email import SiteIdentity
from tests.conftest import make_app
from tests.support import factories
from tests.support.crawl import PageContent, load_demo, walk
from tests.support.sessions import open_session

# A time after noon as a 24-hour clock shows it, and one before 10 with its leading zero.
OTHER_FORM = re.compile(r"(?<![\d.:T-])(?:1[3-9]|2[0-3]|0\d):[0-5]\d(?![\d.]|:\d\d[.+Z])")
# An offset, the label of the choice itself, and texts of the demo that a person wrote.
LEFT_ALONE = re.compile(r"UTC[+-]\d\d:\d\d|24-hour \(14:30\)|from 06:00 to 06:30|between 09:10 and 09:40")
load_people = demo._people


def with_12_hours(people: list[User]) -> list[User]:
    for user in people:
        user.locale = "en@h12"
    return people


def in_other_form(text: str) -> bool:
    return bool(OTHER_FORM.search(LEFT_ALONE.sub("", text)))


@pytest.fixture
def twelve_hours(migrated_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """An application with the demo's people, all of whom have a 12-hour clock."""
    monkeypatch.setattr(demo, "_people", lambda: with_12_hours(load_people()))
    path = shutil.copy(migrated_file, tmp_path / "twelve.db")
    app = make_app(f"sqlite:///{path}", BASE_URL="http://localhost")
    with app.app_context():
        load_demo()
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.mark.long
@pytest.mark.parametrize("name", ["ruth", "admin"])
def test_no_page_shows_a_24_hour_clock_to_a_reader_of_12_hours(twelve_hours: Flask, name: str) -> None:
    user = db.session.scalars(select(User).where(User.email == f"{name}@bellhop.example")).one()
    client = open_session(twelve_hours.test_client(), user)
    found = {
        text: page.way
        for page in walk(twelve_hours, client, ["/notifications", "/preferences"], {"accounts.end_session"})
        for text in page.reading.texts
        if in_other_form(text)
    }
    assert found == {}


def test_no_message_shows_a_24_hour_clock_to_a_reader_of_12_hours(twelve_hours: Flask) -> None:
    ruth = db.session.scalars(select(User).where(User.email == "ruth@bellhop.example")).one()
    ruth.phone = "+33612345678"
    rows = db.session.scalars(select(Notification).where(Notification.recipient_id == ruth.id)).all()
    deliveries = [
        factories.delivery(row, channel=channel, address=f"{channel}{row.id}@example.com")
        for row in rows
        for channel in ("email", "sms")
    ]
    deliveries += [
        Delivery(kind=kind, recipient=ruth, channel="email", address=ruth.email, created_at=utc_now())
        for kind in ("daily_digest", "weekly_summary")
    ]
    db.session.add_all(deliveries)
    db.session.flush()
    texts = []
    with twelve_hours.test_request_context():
        for each in deliveries:
            message = payloads.build_payload(each, SiteIdentity.from_config(twelve_hours.config), utc_now())
            texts += [message.subject, *message.text.splitlines(), *PageContent(message.html).texts]
    assert [text for text in texts if in_other_form(text)] == []
    assert any(" PM" in text for text in texts)

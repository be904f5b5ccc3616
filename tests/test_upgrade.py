"""A database of the first release is upgraded and used, and links in its emails keep working."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask_migrate import upgrade

from app.channels.base import Message
from app.database.base import db
from app.models import Delivery, User
from app.services.accounts import emails, users
from app.services.digests import links
from app.services.notifications import actions, counts, inbox, saved_views
from app.services.notifications import undo as notification_undo
from app.services.notifications.filters import Filters
from app.services.notifications.search_query import parse
from app.services.preferences import unsubscribe
from app.services.sending import payloads
from app.services.sending.email import SiteIdentity
from tests.conftest import MIGRATIONS, make_app

# Made by the first release: two people, three notifications of Alice (one of them done), their deliveries, one view.
DATABASE = Path(__file__).parent / "data" / "first_release.db.gz"
SECRET = "an old key for tests, long enough"
UNSUBSCRIBE = "WzEsImpvYiJd.2duw37O9FDhdF3zYEEL0R9XRpZ4"
DIGEST = "WzEsNzIyNjU4MjQwMDAwMDAwMF0.h1D8g13Jr_s3WcXOFPPpWNpXmig"
PASSWORD_RESET = (
    "eyJraW5kIjoicGFzc3dvcmRfcmVzZXQiLCJ1c2VyIjoxLCJzdGF0ZSI6ImQ4NzY5ODQ3MzM3YWNjYjIiLCJ1bnRpbCI6Njk0MjU4OTIwMH0"
    ".MTqmLYe2bwh2JzVy756ThbF2S3U"
)


@pytest.fixture
def old_app(tmp_path: Path) -> Iterator[Flask]:
    path = tmp_path / "bellhop.db"
    path.write_bytes(gzip.decompress(DATABASE.read_bytes()))
    app = make_app(f"sqlite:///{path}", SECRET_KEY=SECRET)
    with app.app_context():
        upgrade(MIGRATIONS)
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def alice(old_app: Flask) -> User:
    user = users.by_email("alice@example.test")
    assert user is not None
    return user


def test_old_notifications_are_listed_found_and_changed(alice: User) -> None:
    assert [row.title for row in inbox.page_for(alice, Filters()).rows] == [
        "Maintenance",
        "New job: Ingénieure",
    ]
    search = Filters(search=parse("ingenieure", "UTC"))
    (found,) = inbox.page_for(alice, search).rows
    job = inbox.detail(alice, found.id)
    assert (job.data, job.action_url, job.is_read) == ({"job_id": 7}, "/jobs/7", False)
    assert counts.unread_count(alice.id) == 2
    change = actions.change(alice, "read", filters=Filters())
    assert counts.unread_count(alice.id) == 0
    notification_undo.undo_change(alice, change.id)
    assert counts.unread_count(alice.id) == 2


def test_an_old_view_still_filters(alice: User) -> None:
    (view,) = saved_views.list_views_with_counts(alice)
    assert (view.name, view.filter.category, view.count) == ("Jobs", ("job",), 1)


def test_an_old_delivery_can_be_sent(old_app: Flask, alice: User) -> None:
    delivery = db.session.get_one(Delivery, 1)
    assert (delivery.channel, delivery.state, delivery.recipient) == ("email", "pending", alice)
    site = SiteIdentity("http://bellhop.test", "Bellhop <a@bellhop.test>", SECRET)
    message = payloads.build_payload(delivery, site, delivery.created_at)
    assert isinstance(message, Message)
    assert message.subject == "New job: Ingénieure"


def test_an_old_password_signs_in(alice: User) -> None:
    assert users.authenticate("alice@example.test", "correct horse battery").id == alice.id


def test_links_in_old_emails_still_work(old_app: Flask, alice: User) -> None:
    assert unsubscribe.stop(UNSUBSCRIBE, SECRET).has_changed
    assert alice.preference.matrix == {"job": {"email": False}}
    assert links.find(DIGEST, SECRET).count == 2
    assert links.mark_read(DIGEST, SECRET).count == 2
    owner, kind = emails.find_link_owner(PASSWORD_RESET, secret=SECRET)
    assert (owner, kind) == (alice, "password_reset")
    client = old_app.test_client()
    assert client.get(f"/unsubscribe/{UNSUBSCRIBE}").status_code == 200
    assert client.get(f"/digests/{DIGEST}").status_code == 200

"""The links in digests, and the preview of the next digest."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from flask import Flask
from flask.testing import FlaskClient

from app.clock import utc_now
from app.database.base import db
from app.models import User
from app.services.digests import links as digest_links
from app.services.notifications import actions, counts
from tests.support import factories


def address(app: Flask, user: User) -> str:
    return digest_links.mark_read_link(user, utc_now(), app.config["SECRET_KEY"], "")


def test_a_link_scanner_marks_nothing_read(app: Flask, client: FlaskClient, alice: User) -> None:
    factories.notification(alice)
    answer = client.get(address(app, alice))
    assert "Mark it as read?" in answer.text
    assert client.head(address(app, alice)).status_code == 200
    assert counts.unread_count(alice.id) == 1


def test_the_button_marks_the_digests_notifications_read_and_can_be_undone(
    app: Flask, client: FlaskClient, alice: User, charlie: User
) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    for _ in range(3):
        factories.notification(alice)
    link = address(app, alice)
    factories.notification(alice, "Newer")
    factories.notification(charlie)
    answer = client.post(link)
    assert "3 notifications marked read" in answer.text
    assert (counts.unread_count(alice.id), counts.unread_count(charlie.id)) == (1, 1)
    undo_token = answer.text.partition('name="undo_token" value="')[2].partition('"')[0]
    assert (
        "3 notifications are unread again"
        in client.post(f"{link}/undo", data={"undo_token": undo_token}).text
    )
    assert counts.unread_count(alice.id) == 4


def test_changes_of_other_people_cannot_be_undone_by_a_digest_link(
    app: Flask, client: FlaskClient, alice: User, charlie: User
) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    row = factories.notification(charlie)
    change = actions.change(charlie, "read", ids=[row.id])
    link = address(app, alice)
    for secret in (app.config["SECRET_KEY"], "a guess"):
        undo_token = digest_links.undo_token(link.rpartition("/")[2], secret, change)
        assert client.post(f"{link}/undo", data={"undo_token": undo_token}).status_code == 404
    db.session.refresh(row)
    assert row.is_read


def test_a_digest_link_undoes_only_its_own_change(app: Flask, client: FlaskClient, alice: User) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    factories.notification(alice)
    first, second = address(app, alice), address(app, alice)
    undo_token = client.post(first).text.partition('name="undo_token" value="')[2].partition('"')[0]
    for made_up in (undo_token, "", "1", "9999999999999999999", f"{undo_token}x"):
        assert client.post(f"{second}/undo", data={"undo_token": made_up}).status_code == 404
    assert counts.unread_count(alice.id) == 0
    assert client.post(f"{first}/undo", data={"undo_token": undo_token}).status_code == 200


def test_marking_read_needs_the_token_of_the_page(app: Flask, client: FlaskClient, alice: User) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    factories.notification(alice)
    assert client.post(address(app, alice)).status_code == 400
    assert counts.unread_count(alice.id) == 1


def test_a_broken_digest_link_is_explained(app: Flask, client: FlaskClient, alice: User) -> None:
    link = address(app, alice)
    for broken in (link[:-3], f"{link}x", "/digests/x", "/digests/W10.x"):
        answer = client.get(broken)
        assert answer.status_code == 404
        assert "link" in answer.text


def test_a_digest_link_works_after_a_year(app: Flask, client: FlaskClient, alice: User) -> None:
    long_ago = utc_now() - timedelta(days=365)
    factories.notification(alice, created_at=long_ago)
    assert (
        "Mark it as read?"
        in client.get(digest_links.mark_read_link(alice, long_ago, app.config["SECRET_KEY"], "")).text
    )


def test_the_preview_shows_the_readers_email_and_sends_nothing(
    alice: User, charlie: User, sign_in: Callable[[User], FlaskClient]
) -> None:
    factories.notification(alice, "Mine")
    factories.notification(charlie, "Not mine")
    factories.interview(alice, starts_at=utc_now() + timedelta(hours=24), candidate_name="Omar Haddad")
    client = sign_in(alice)
    assert "/preferences/digest-preview/mail" in client.get("/preferences/digest-preview").text
    mail = client.get("/preferences/digest-preview/mail")
    assert "Mine" in mail.text
    assert "Not mine" not in mail.text
    assert "Omar Haddad" in mail.text
    assert "sandbox" in mail.headers["Content-Security-Policy"]
    assert "Weekly summary" in client.get("/preferences/digest-preview/mail?kind=weekly").text
    assert counts.unread_count(alice.id) == 1


def test_an_empty_digest_has_a_preview(alice: User, sign_in: Callable[[User], FlaskClient]) -> None:
    for kind in ("daily", "weekly"):
        assert sign_in(alice).get(f"/preferences/digest-preview/mail?kind={kind}").status_code == 200


def test_the_preview_needs_sign_in(client: FlaskClient) -> None:
    for page in ("/preferences/digest-preview", "/preferences/digest-preview/mail"):
        assert client.get(page).headers["Location"].startswith("/sign-in")

"""The page about sessions: each is listed, and each can be ended."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from app.clock import utc_now
from app.database.base import db
from app.models import BrowserSession, User
from app.services.accounts import tokens
from app.views.web.browser_names import browser_name
from tests.support import factories, statements
from tests.support.endpoints import add_webhook
from tests.support.sessions import open_session
from tests.views.forms import send

SignIn = Callable[[User], FlaskClient]
PAGE = "/account/security"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


def enter(client: FlaskClient, user: User, **headers: str) -> Any:
    page = client.get("/sign-in").text
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    values = {"csrf_token": found[1], "email": user.email, "password": factories.PASSWORD}
    return client.post("/sign-in", data=values, headers=headers)


def is_in(client: FlaskClient) -> bool:
    return client.get("/account").status_code == 200


def cookie_of(client: FlaskClient) -> str:
    cookie = client.get_cookie("bellhop")
    assert cookie is not None
    return cookie.value


def copy_of(client: FlaskClient) -> FlaskClient:
    """Another client that has the same cookie, as a thief would."""
    thief = client.application.test_client()
    thief.set_cookie("bellhop", cookie_of(client))
    return thief


def row_of(user: User) -> BrowserSession:
    return db.session.scalars(select(BrowserSession).where(BrowserSession.user_id == user.id)).one()


def test_an_old_cookie_does_not_work_after_signing_out(client: FlaskClient, alice: User) -> None:
    enter(client, alice)
    thief = copy_of(client)
    assert is_in(thief)
    answer = send(client, "/sign-out", "/sign-out")
    assert not is_in(thief)
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'


def test_signing_in_again_gives_a_new_session_and_ends_the_former_one(
    client: FlaskClient, alice: User
) -> None:
    enter(client, alice)
    thief = copy_of(client)
    page = client.get("/account").text
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    values = {"csrf_token": found[1], "email": alice.email, "password": factories.PASSWORD}
    assert client.post("/sign-in", data=values).status_code == 302
    assert is_in(client)
    assert not is_in(thief)


def test_a_form_of_another_session_is_refused(app: Flask, alice: User) -> None:
    first, second = app.test_client(), app.test_client()
    enter(first, alice)
    enter(second, alice)
    found = re.search(r'name="csrf_token" value="([^"]+)"', first.get("/account").text)
    assert found is not None
    values = {"csrf_token": found[1]}
    assert second.post("/account/security/sessions/others/removal", data=values).status_code == 400
    assert is_in(first)


def test_the_page_lists_each_session_with_browser_address_and_this_one(
    sign_in: SignIn, client: FlaskClient, alice: User, charlie: User
) -> None:
    enter(client, alice, **{"User-Agent": FIREFOX})
    sign_in(charlie)
    there = sign_in(alice)
    text = client.get(PAGE).text
    assert "Firefox on Linux" in text
    assert "Unknown browser" in text
    assert text.count("127.0.0.1") == 2
    assert text.count('class="item" id="session-') == 2
    this = text.index("This browser")
    assert text.index("Firefox on Linux") < this or text.index("Unknown browser") > this
    assert is_in(there)


def test_a_session_is_ended_from_the_list(sign_in: SignIn, client: FlaskClient, alice: User) -> None:
    there = sign_in(alice)
    number = row_of(alice).id
    enter(client, alice)
    send(client, PAGE, f"{PAGE}/sessions/{number}/removal")
    assert not is_in(there)
    assert is_in(client)


def test_all_other_sessions_are_ended_at_once(sign_in: SignIn, client: FlaskClient, alice: User) -> None:
    others = [sign_in(alice), sign_in(alice)]
    enter(client, alice)
    send(client, PAGE, f"{PAGE}/sessions/others/removal")
    assert not any(map(is_in, others))
    assert is_in(client)
    assert "Sign out everywhere else" not in client.get(PAGE).text


def test_another_persons_session_is_a_404(sign_in: SignIn, alice: User, charlie: User) -> None:
    hers = sign_in(alice)
    number = row_of(alice).id
    assert send(sign_in(charlie), PAGE, f"{PAGE}/sessions/{number}/removal").status_code == 404
    assert is_in(hers)


def test_the_page_and_its_forms_need_a_session(client: FlaskClient) -> None:
    assert client.get(PAGE).location.startswith("/sign-in")
    for path in ("sessions/1/removal", "sessions/others/removal", "access/removal"):
        assert client.get(f"{PAGE}/{path}").status_code == 405


def test_the_account_page_links_here(sign_in: SignIn, alice: User) -> None:
    assert f'href="{PAGE}"' in sign_in(alice).get("/account").text


@pytest.mark.parametrize(
    ("setting", "column"), [("SESSION_IDLE_DAYS", "last_seen_at"), ("SESSION_MAX_DAYS", "created_at")]
)
def test_settings_end_sessions(app: Flask, sign_in: SignIn, alice: User, setting: str, column: str) -> None:
    app.config[setting] = 3
    client = sign_in(alice)
    db.session.execute(update(BrowserSession).values({column: utc_now() - timedelta(days=2, hours=23)}))
    db.session.commit()
    assert is_in(client)
    db.session.execute(update(BrowserSession).values({column: utc_now() - timedelta(days=3)}))
    db.session.commit()
    assert not is_in(client)


def test_a_session_costs_one_query_after_each_commit_and_writes_nothing(app: Flask, alice: User) -> None:
    client = open_session(app.test_client(), alice)
    for _ in range(2):
        with statements.recorded() as seen:
            for _ in range(3):
                assert client.get("/api/notifications/unread-count/").status_code == 200
        assert not [each for each in seen if not each.lstrip().startswith("SELECT")]
        assert sum("sessions" in each for each in seen) == 1
        factories.notification(alice)


def test_use_is_recorded_after_a_few_minutes(app: Flask, alice: User) -> None:
    client = open_session(app.test_client(), alice, now=utc_now() - timedelta(minutes=6))
    client.get("/notifications")
    db.session.expire_all()
    assert row_of(alice).last_seen_at > utc_now() - timedelta(minutes=1)


def test_all_access_is_revoked_at_once(
    sign_in: SignIn, alice: User, token: Callable[..., dict[str, str]]
) -> None:
    headers = token(alice)
    add_webhook(alice, "https://example.com/hook")
    client = sign_in(alice)
    assert client.get("/api/notifications/", headers=headers).status_code == 200
    send(client, PAGE, f"{PAGE}/access/removal")
    assert client.get("/api/notifications/", headers=headers).status_code == 401
    assert not tokens.for_user(alice)
    assert "Revoke all of them" not in client.get(PAGE).text


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (FIREFOX, "Firefox on Linux"),
        (
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 "
                "Mobile/15E148 Safari/604.1"
            ),
            "Safari on iPhone",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36 Edg/126.0",
            "Edge on Windows",
        ),
        ("curl/8.5.0", "Unknown browser"),
        ("", "Unknown browser"),
    ],
)
def test_browsers_are_named(app: Flask, text: str, name: str) -> None:
    with app.test_request_context():
        assert browser_name(text) == name

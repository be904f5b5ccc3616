"""Two-step sign-in in pages: setting it up, the second step, and people who have to turn it on."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from app.clock import utc_now
from app.database.base import db
from app.models import AuditEntry, BrowserSession, Delivery, User
from app.services.accounts import emails, second_factor, tokens
from tests.support.factories import PASSWORD
from tests.support.second_factor import code_at, turn_on
from tests.views.forms import send

SignIn = Callable[[User], FlaskClient]
PAGE, SET_UP, CODE = "/account/security", "/account/security/two-step", "/sign-in/code"
BEFORE = timedelta(minutes=5)


def enter(client: FlaskClient, user: User, password: str = PASSWORD, **fields: str) -> TestResponse:
    return send(client, "/sign-in", "/sign-in", email=user.email, password=password, **fields)


def is_in(client: FlaskClient) -> bool:
    return client.get("/account").status_code == 200


def field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]+)"', page)
    assert found is not None
    return unescape(found[1])


def set_up(client: FlaskClient, **fields: str) -> TestResponse:
    """Submit the form of the set-up with the right code, or with these fields."""
    page = client.get(SET_UP).text
    signed = field(page, "key")
    key = re.search(r'<code class="secret"[^>]*>([A-Z2-7 ]+)<', page)
    assert key is not None
    right = {"key": signed, "code": code_at(key[1].replace(" ", ""), utc_now())}
    return client.post(SET_UP, data={"csrf_token": field(page, "csrf_token")} | right | fields)


def shown_codes(page: str) -> list[str]:
    return re.findall(r"\b(?:[A-Z2-7]{4}-){5}[A-Z2-7]{4}\b", page.partition("<pre")[2].partition("</pre>")[0])


def test_it_is_turned_on_and_asked_for(sign_in: SignIn, client: FlaskClient, alice: User) -> None:
    mine = sign_in(alice)
    assert f'href="{SET_UP}"' in mine.get(PAGE).text
    other = sign_in(alice)
    page = set_up(mine).text
    codes = shown_codes(page)
    assert len(codes) == 10
    assert "%0A".join(codes) in page
    assert (is_in(mine), is_in(other)) == (True, False)
    assert "10 left" in mine.get(PAGE).text
    assert mine.get(SET_UP).location == PAGE
    assert enter(client, alice, next="/account").location == f"{CODE}?next=/account"
    assert not is_in(client)
    page = client.get(f"{CODE}?next=/account").text
    assert 'inputmode="numeric" autocomplete="one-time-code"' in page
    answer = send(
        client, f"{CODE}?next=/account", f"{CODE}?recovery=1", code=codes[0].lower(), next="/account"
    )
    assert answer.location == "/account"
    assert "9 recovery codes left." in client.get("/account").text


def test_a_code_signs_in_and_the_former_step_is_over(client: FlaskClient, alice: User) -> None:
    key, _codes = turn_on(alice, now=utc_now() - BEFORE)
    enter(client, alice)
    thief = client.application.test_client()
    thief.set_cookie("bellhop", client.get_cookie("bellhop").value)
    code = code_at(key, utc_now())
    assert send(client, CODE, CODE, code=f"{code[:3]} {code[3:]}").location == "/notifications"
    assert is_in(client)
    assert client.get(CODE).location == "/sign-in"
    assert send(thief, CODE, CODE, code=code).status_code == 422
    assert not is_in(thief)


def test_a_wrong_code_shows_the_page_again(client: FlaskClient, alice: User) -> None:
    turn_on(alice)
    enter(client, alice)
    answer = send(client, CODE, f"{CODE}?recovery=1", code="1234", next="/account")
    assert answer.status_code == 422
    assert 'id="code-error"' in answer.text
    assert "Enter a recovery code" in answer.text
    assert 'name="next" value="/account"' in answer.text
    assert "1234" not in answer.text
    for _number in range(9):
        send(client, CODE, CODE, code="1234")
    answer = send(client, CODE, CODE, code="1234")
    assert answer.status_code == 429
    assert "Try again in 15 minutes." in answer.text
    assert "Reset password" not in answer.text
    assert not is_in(client)


def test_without_the_password_there_is_no_second_step(
    client: FlaskClient, alice: User, charlie: User
) -> None:
    turn_on(alice)
    assert client.get(f"{CODE}?next=/account").location == "/sign-in?next=/account"
    assert send(client, "/sign-in", CODE, code="123456").location == "/sign-in"
    pages = [enter(client, user, "not the password") for user in (alice, charlie)]
    assert [page.status_code for page in pages] == [422, 422]
    texts = [re.sub(r'value="[^"]+"', "", page.text) for page in pages]
    assert texts[0] == texts[1]


def test_a_new_password_by_email_does_not_replace_the_code(
    app: Flask, client: FlaskClient, alice: User
) -> None:
    turn_on(alice)
    link = emails.make_password_link("password_reset", alice, app.config["SECRET_KEY"], "", utc_now())
    send(client, link, link, password="a password for later")
    assert not is_in(client)
    assert enter(client, alice, "a password for later").location == CODE
    assert not is_in(client)


@pytest.mark.parametrize("action", ["", "/removal", "/recovery-codes"])
def test_changing_it_needs_the_password_again(sign_in: SignIn, alice: User, action: str) -> None:
    if action:
        turn_on(alice)
    client = sign_in(alice)
    db.session.execute(update(BrowserSession).values(confirmed_at=utc_now() - timedelta(hours=1)))
    db.session.commit()
    answer = send(client, "/account", f"{SET_UP}{action}", code="123456")
    assert answer.status_code == 403
    assert "Enter your password" in answer.text
    db.session.refresh(alice)
    assert (alice.second_factor_at is not None) == bool(action)
    answer = send(client, "/account", f"{SET_UP}{action}", confirm_password=PASSWORD)
    assert answer.status_code in {200, 302}


def test_new_recovery_codes_are_shown_and_it_is_turned_off(sign_in: SignIn, alice: User) -> None:
    turn_on(alice)
    client = sign_in(alice)
    assert len(shown_codes(send(client, PAGE, f"{SET_UP}/recovery-codes").text)) == 10
    assert send(client, PAGE, f"{SET_UP}/removal").location == PAGE
    assert is_in(client)
    assert send(client, PAGE, f"{SET_UP}/recovery-codes").location == PAGE
    assert "Two-step sign-in is off." in client.get(PAGE).text


@pytest.mark.parametrize("fields", [{"code": "123"}, {"key": "forged"}, {"key": ""}])
def test_a_failed_set_up_changes_nothing(sign_in: SignIn, alice: User, fields: dict[str, str]) -> None:
    client = sign_in(alice)
    answer = set_up(client, **fields)
    if "code" in fields:
        assert answer.status_code == 422
        assert 'id="code-error"' in answer.text
        assert field(answer.text, "key")
    else:
        assert answer.location == SET_UP
    db.session.refresh(alice)
    assert alice.second_factor_at is None


def test_another_persons_key_is_not_taken(app: Flask, sign_in: SignIn, alice: User, charlie: User) -> None:
    key = second_factor.make_key(alice, secret=app.config["SECRET_KEY"])
    answer = set_up(sign_in(charlie), key=key.signed, code=code_at(key.text, utc_now()))
    assert answer.location == SET_UP


@pytest.mark.parametrize(
    ("setting", "concerned"), [("nobody", ""), ("admins", "bob"), ("everyone", "alice bob")]
)
def test_those_who_must_turn_it_on_see_nothing_else(
    app: Flask, alice: User, bob: User, setting: str, concerned: str
) -> None:
    app.config["REQUIRE_SECOND_FACTOR"] = setting
    for user in (alice, bob):
        client = app.test_client()
        assert enter(client, user).location == "/notifications"
        if user.name.split()[0].lower() not in concerned:
            assert is_in(client)
            continue
        assert client.get("/preferences?x=1").location == f"{SET_UP}?next=/preferences?x%3D1"
        assert client.post("/notifications/1/reading").status_code in {302, 400}
        assert client.get("/api/notifications/").status_code == 401
        assert client.get("/stream", headers={"Accept": "text/event-stream"}).status_code in {204, 404}
        assert client.get("/nowhere").status_code == 404
        assert 'href="/notifications' not in client.get(SET_UP).text
        assert client.get("/sign-out").status_code == 200
        page = set_up(client, next="/preferences").text
        assert 'href="/preferences"' in page
        assert is_in(client)
        assert send(client, PAGE, f"{SET_UP}/removal").location == PAGE
        assert client.get(PAGE).location == f"{SET_UP}?next=/account/security"
        assert send(client, "/sign-out", "/sign-out").location == "/sign-in"
        assert client.get(SET_UP).location.startswith("/sign-in")


def test_tokens_work_for_people_who_must_turn_it_on(app: Flask, client: FlaskClient, alice: User) -> None:
    app.config["REQUIRE_SECOND_FACTOR"] = "everyone"
    _row, text = tokens.create(alice, "CI", ["read"])
    answer = client.get("/api/notifications/", headers={"Authorization": f"Bearer {text}"})
    assert answer.status_code == 200


def test_an_admin_sees_and_resets_it(sign_in: SignIn, client: FlaskClient, alice: User, bob: User) -> None:
    path = f"/admin/users/{alice.id}"
    turn_on(bob)
    admins = sign_in(bob)
    assert "Reset two-step sign-in" not in admins.get(path).text
    turn_on(alice)
    assert "Reset two-step sign-in" in admins.get(path).text
    send(admins, path, f"{path}/second-factor/removal")
    page = admins.get(path).text
    assert "Alice Moreau signs in with only the password now." in page
    assert "Reset two-step sign-in" not in page
    assert enter(client, alice).location == "/notifications"
    own = f"/admin/users/{bob.id}"
    send(admins, path, f"{own}/second-factor/removal")
    db.session.refresh(bob)
    assert bob.second_factor_at is not None


def test_no_secret_is_in_the_audit_log_or_in_an_email(sign_in: SignIn, alice: User) -> None:
    codes = shown_codes(set_up(sign_in(alice)).text)
    kept = [*db.session.scalars(select(AuditEntry.detail)), *db.session.scalars(select(Delivery.text))]
    assert kept
    assert not any(code in str(kept) for code in codes)

"""Signing in and out, the account page, and setting a password by a link."""

from __future__ import annotations

import re
from email import message_from_bytes, policy

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from app.clock import utc_now
from app.database.base import db
from app.models import ApiToken, CapturedMail, Delivery, User
from app.services.accounts import administration, sign_in_throttle, tokens, users
from app.services.accounts import emails as account_emails
from app.services.sending.email import SiteIdentity
from app.services.sending.worker import DeliveryWorker
from app.views.accounts import RESET_SECONDS
from tests.support import factories
from tests.support.factories import PASSWORD
from tests.views.forms import send

NEW = "a password for later"


def enter(client: FlaskClient, email: str, password: str = PASSWORD, **fields: str):
    return send(client, "/sign-in", "/sign-in", email=email, password=password, **fields)


def is_in(client: FlaskClient) -> bool:
    return client.get("/account").status_code == 200


def test_signing_in_leads_to_the_inbox_or_back_to_the_page(client: FlaskClient, alice: User) -> None:
    assert enter(client, "Alice@example.test").location == "/notifications"
    assert is_in(client)
    assert client.get("/sign-in?next=/account").location == "/account"
    assert client.get("/sign-in?next=//evil.example").location == "/notifications"
    other = client.application.test_client()
    assert enter(other, alice.email, next="/account").location == "/account"
    third = client.application.test_client()
    assert enter(third, alice.email, next="//evil.example").location == "/notifications"


def test_the_sign_in_page_keeps_the_address_but_not_the_password(client: FlaskClient, alice: User) -> None:
    answer = enter(client, 'x"><script>@example.test', "not the password", next="/account")
    assert answer.status_code == 422
    assert "The email or password is wrong." in answer.text
    assert "<script>@" not in answer.text
    assert "not the password" not in answer.text
    assert 'name="next" value="/account"' in answer.text
    assert not is_in(client)


def test_signing_in_needs_the_pages_own_token(client: FlaskClient, alice: User) -> None:
    assert client.post("/sign-in", data={"email": alice.email, "password": PASSWORD}).status_code == 400
    assert not is_in(client)


def test_a_session_planted_before_signing_in_is_emptied(client: FlaskClient, alice: User) -> None:
    with client.session_transaction() as session:
        session["planted"] = "by someone else"
    client.get("/sign-in")
    with client.session_transaction() as session:
        before = session["csrf_token"]
    enter(client, alice.email)
    client.get("/account")
    with client.session_transaction() as session:
        assert "planted" not in session
        assert session["csrf_token"] != before
        assert session.permanent


def test_the_cookie_lasts_ninety_days_and_no_script_reads_it(client: FlaskClient, alice: User) -> None:
    cookie = enter(client, alice.email).headers["Set-Cookie"]
    assert re.search(r"Expires=\w+, \d+ \w+ \d{4}", cookie)
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert client.application.permanent_session_lifetime.days == 90


def test_the_eleventh_attempt_says_when_to_try_again(client: FlaskClient, alice: User) -> None:
    for _attempt in range(10):
        assert enter(client, alice.email, "a guess").status_code == 422
    answer = enter(client, alice.email)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 15 * 60
    assert "Try again in 15 minutes." in answer.text


def test_opening_the_sign_out_page_does_not_sign_out(client: FlaskClient, sign_in, alice: User) -> None:
    client = sign_in(alice)
    assert "Sign out" in client.get("/sign-out").text
    assert is_in(client)
    assert send(client, "/sign-out", "/sign-out").location == "/sign-in"
    assert not is_in(client)
    assert client.get("/sign-out").location == "/sign-in"


def test_a_response_during_sign_out_does_not_sign_in_again(client: FlaskClient, alice: User) -> None:
    enter(client, alice.email)
    client.get("/account")
    for path in ("/account", "/notifications", "/notifications/pulse"):
        assert "Set-Cookie" not in client.get(path).headers


def test_a_new_password_ends_the_other_sessions_and_keeps_this_one(sign_in, alice: User) -> None:
    here, there = sign_in(alice), sign_in(alice)
    answer = send(here, "/account", "/account/password", current_password=PASSWORD, new_password=NEW)
    assert answer.status_code == 302
    assert is_in(here)
    assert not is_in(there)


def test_a_wrong_current_password_is_an_error_of_its_field(sign_in, alice: User) -> None:
    client = sign_in(alice)
    answer = send(client, "/account", "/account/password", current_password="wrong", new_password=NEW)
    assert answer.status_code == 422
    assert 'aria-describedby=" current_password-error"' in answer.text
    assert is_in(client)


def test_only_the_fields_of_the_profile_can_be_changed(sign_in, alice: User) -> None:
    form = {"name": "Alice M", "time_zone": "Asia/Tokyo", "phone": "+81 3 1234 5678"}
    more = {
        "role": "admin",
        "email": "x@example.test",
        "is_enabled": "",
        "password_hash": "",
        "session_epoch": "9",
    }
    assert send(sign_in(alice), "/account", "/account/profile", **form, **more).status_code == 302
    db.session.refresh(alice)
    assert (alice.name, alice.time_zone, alice.phone) == ("Alice M", "Asia/Tokyo", "+81312345678")
    assert (alice.role, alice.email, alice.is_enabled) == ("recruiter", "alice@example.test", True)
    assert alice.session_epoch == 0


def test_a_profile_without_a_time_zone_and_a_phone_keeps_them(sign_in, alice: User) -> None:
    alice.time_zone, alice.phone = "Asia/Tokyo", "+81312345678"
    db.session.commit()
    client = sign_in(alice)
    assert send(client, "/account", "/account/profile", name="Alice M").status_code == 302
    db.session.refresh(alice)
    assert (alice.name, alice.time_zone, alice.phone) == ("Alice M", "Asia/Tokyo", "+81312345678")
    page = client.get("/account").text
    assert 'href="/preferences#time-zone"' in page
    assert 'href="/account/devices#by-sms"' in page


def test_a_rejected_profile_keeps_the_input(sign_in, alice: User) -> None:
    answer = send(sign_in(alice), "/account", "/account/profile", name="Al", time_zone="Mars", phone="12")
    assert answer.status_code == 422
    assert 'value="Al"' in answer.text
    assert "Choose a time zone" in answer.text
    assert "country code" in answer.text


def test_a_token_is_shown_once_and_works_until_it_is_revoked(sign_in, alice: User) -> None:
    client = sign_in(alice)
    answer = send(
        client,
        "/account",
        "/account/tokens",
        token_name="CI <b>",
        token_scopes=["read", "write"],
        token_days="30",
    )
    text = re.search(r"bhp_\w{40}", answer.text)[0]
    token = db.session.scalars(select(ApiToken)).one()
    assert (token.scopes, (token.expires_at - token.created_at).days) == (["read", "write"], 30)
    assert tokens.authenticate(text).token_id == token.id
    page = client.get("/account").text
    assert text not in page
    assert text[:10] in page
    assert "CI &lt;b&gt;" in page
    assert send(client, "/account", f"/account/tokens/{token.id}/revocation").status_code == 302
    assert tokens.authenticate(text) is None
    assert text[:10] not in client.get("/account").text


def test_recruiters_cannot_create_tokens_with_admin_scopes(sign_in, alice: User, bob: User) -> None:
    form = {"token_name": "CI", "token_scopes": ["events", "admin"]}
    answer = send(sign_in(alice), "/account", "/account/tokens", **form)
    assert answer.status_code == 422
    assert "Only admins can grant the scopes events and admin." in answer.text
    assert tokens.for_user(alice) == []
    assert send(sign_in(bob), "/account", "/account/tokens", **form).status_code == 200


def test_tokens_of_other_people_are_not_found(sign_in, alice: User, charlie: User) -> None:
    token, text = tokens.create(alice, "CI", ["read"])
    for number in (token.id, 2**62, 2**80):
        assert send(sign_in(charlie), "/account", f"/account/tokens/{number}/revocation").status_code == 404
    assert tokens.authenticate(text) is not None


@pytest.mark.parametrize(
    "page", ["/account/profile", "/account/password", "/account/tokens", "/account/tokens/1/revocation"]
)
def test_account_changes_refuse_get(sign_in, alice: User, page: str) -> None:
    assert sign_in(alice).get(page).status_code == 405


@pytest.mark.parametrize(
    ("mail_server", "sentence"),
    [("smtp.example.test", "get an email with a link"), ("", "ask an admin for the link")],
)
def test_requesting_a_reset_does_not_reveal_whether_an_account_exists(
    client: FlaskClient, alice: User, mail_server: str, sentence: str
) -> None:
    client.application.config["MAIL_SERVER"] = mail_server
    said = set()
    for email in (alice.email, "nobody@example.test", "not an address", ""):
        answer = send(client, "/password/forgot", "/password/forgot", email=email)
        said.add(
            (
                answer.status_code,
                answer.location,
                client.get("/sign-in").text.count(sentence),
            )
        )
    assert said == {(302, "/sign-in", 1)}
    assert db.session.scalar(select(func.count(Delivery.id))) == 1


def path_of(app: Flask, user: User, kind: str = "password_reset") -> str:
    return account_emails.make_password_link(kind, user, app.config["SECRET_KEY"], "", utc_now())


def test_a_link_lets_its_owner_choose_a_password_once(
    app: Flask, client: FlaskClient, sign_in, alice: User
) -> None:
    path, elsewhere = path_of(app, alice), sign_in(alice)
    for _scanner in range(3):
        answer = client.get(path)
        assert answer.status_code == 200
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "no-store" in answer.headers["Cache-Control"]
    assert send(client, path, path, password="short").status_code == 422
    assert send(client, path, path, password=NEW).location == "/sign-in"
    assert not is_in(elsewhere)
    assert client.get(path).status_code == 410
    assert send(client, "/sign-in", path, password="another one altogether").status_code == 410
    assert enter(client, alice.email, NEW).location == "/notifications"


def test_an_invited_person_chooses_a_password_and_signs_in(
    app: Flask, client: FlaskClient, bob: User
) -> None:
    dana = administration.invite("dana@example.test", "Dana Quill", "recruiter", actor=bob)
    path = path_of(app, dana, "invitation")
    assert "Welcome, Dana Quill" in client.get(path).text
    assert send(client, path, path, password=NEW).location == "/sign-in"
    assert enter(client, dana.email, NEW).location == "/notifications"
    assert users.by_email(dana.email).role == "recruiter"


@pytest.mark.parametrize("kind", ["password_reset", "invitation"])
def test_the_link_in_the_sent_email_works(app: Flask, client: FlaskClient, bob: User, kind: str) -> None:
    if kind == "invitation":
        administration.invite("dana@example.test", "Dana Quill", "recruiter", actor=bob)
    else:
        factories.user("dana@example.test", "Dana Quill")
        send(client, "/password/forgot", "/password/forgot", email="Dana@example.test")
    DeliveryWorker(
        SiteIdentity("http://bellhop.test", "Bellhop <b@example.test>", app.config["SECRET_KEY"])
    ).deliver_due()
    mail = message_from_bytes(db.session.scalars(select(CapturedMail)).one().raw, policy=policy.default)
    assert mail["To"].addresses[0].addr_spec == "dana@example.test"
    for part in ("plain", "html"):
        text = mail.get_body((part,)).get_content()
        path = re.search(r"http://bellhop\.test(/password/reset/[\w.-]+)", text)[1]
        assert client.get(path).status_code == 200
    assert send(client, path, path, password=NEW).location == "/sign-in"
    assert enter(client, "dana@example.test", NEW).location == "/notifications"


@pytest.mark.parametrize("token", ["x", "x.y", "%01", "%ff", "a" * 5000])
def test_a_forged_link_has_expired(client: FlaskClient, token: str) -> None:
    answer = client.get(f"/password/reset/{token}")
    assert answer.status_code == 410
    assert "This link has expired" in answer.text


def test_asking_for_a_reset_takes_the_same_time_whether_or_not_the_account_exists(
    client: FlaskClient, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, slept = [0.0], []
    monkeypatch.setattr("app.views.accounts.time.monotonic", lambda: now[0])
    monkeypatch.setattr("app.views.accounts.time.sleep", slept.append)
    work = account_emails.request_password_reset

    def request(email: str) -> None:
        work(email)
        now[0] += 0.02 if email == alice.email else 0.01

    monkeypatch.setattr(account_emails, "request_password_reset", request)
    totals = []
    for email in (alice.email, "nobody@example.test"):
        started = now[0]
        send(client, "/password/forgot", "/password/forgot", email=email)
        totals.append(round(now[0] - started + slept[-1], 6))
    assert totals == [RESET_SECONDS] * 2


def test_a_browser_that_signed_in_has_attempts_of_its_own(client: FlaskClient, alice: User) -> None:
    answer = enter(client, alice.email)
    (cookie,) = [each for each in answer.headers.getlist("Set-Cookie") if "bellhop_browser=" in each]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    send(client, "/sign-out", "/sign-out")
    stranger = client.application.test_client()
    for number in range(50):
        sign_in_throttle.count_attempt(alice.email, utc_now(), sign_in_throttle.Origin(f"203.0.113.{number}"))
    assert enter(stranger, alice.email).status_code == 429
    assert enter(client, alice.email).status_code == 302

"""The page that creates the first admin."""

from __future__ import annotations

from flask import Flask
from flask.testing import FlaskClient

from app.services.accounts import first_admin
from tests.support import factories
from tests.views.forms import send

GOOD = {"name": "Dana Quist", "email": "dana@example.test", "password": "a long one for now"}
HINT = "No accounts yet."


def path(app: Flask) -> str:
    return first_admin.make_setup_link(app.config["SECRET_KEY"], "")


def test_the_first_admin_is_signed_in_and_the_page_is_gone(app: Flask, client: FlaskClient) -> None:
    page = client.get(path(app))
    assert page.status_code == 200
    assert page.headers["Referrer-Policy"] == "no-referrer"
    answer = send(client, path(app), path(app), **GOOD)
    assert answer.status_code == 303
    assert client.get(answer.location).status_code == 200
    assert client.get(path(app)).status_code == 404
    assert client.post(path(app), data=GOOD).status_code in {400, 404}


def test_a_refused_form_keeps_all_but_the_password(app: Flask, client: FlaskClient) -> None:
    answer = send(client, path(app), path(app), **(GOOD | {"password": "a short"}))
    assert answer.status_code == 422
    assert 'value="Dana Quist"' in answer.text
    assert 'value="dana@example.test"' in answer.text
    assert "Use at least 10 characters." in answer.text
    assert "a short" not in answer.text


def test_a_forged_address_is_not_found(client: FlaskClient) -> None:
    assert client.get("/setup/W10.forged").status_code == 404
    assert client.get("/setup/").status_code == 404


def test_pages_say_where_the_link_is_until_there_is_an_account(client: FlaskClient) -> None:
    assert HINT in client.get("/", follow_redirects=True).text
    assert HINT in client.get("/sign-in").text
    factories.user("alice@example.test")
    assert HINT not in client.get("/sign-in").text

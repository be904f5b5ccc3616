from __future__ import annotations

import pytest
from flask import Flask
from werkzeug.exceptions import TooManyRequests

from app.models import User
from app.views.web import anonymous_limits
from tests.support.gunicorn import session_cookie


@pytest.fixture(autouse=True)
def _without_csrf(app: Flask) -> None:
    app.config["WTF_CSRF_ENABLED"] = False


def test_an_ip_address_with_too_many_resets_is_refused_and_others_are_not(app: Flask) -> None:
    client = app.test_client()

    def ask(address: str) -> int:
        form = {"email": "somebody@example.test"}
        return client.post("/password/forgot", data=form, environ_base={"REMOTE_ADDR": address}).status_code

    assert [ask("192.0.2.1") for _attempt in range(30)] == [302] * 30
    response = client.post("/password/forgot", data={}, environ_base={"REMOTE_ADDR": "192.0.2.1"})
    assert response.status_code == 429
    assert 0 < int(response.headers["Retry-After"]) <= 900
    assert "from your network" in response.text
    assert ask("192.0.2.2") == 302


def test_addresses_of_one_ipv6_network_are_counted_together(app: Flask) -> None:
    client = app.test_client()

    def ask(address: str) -> int:
        form = {"email": "somebody@example.test"}
        return client.post("/password/forgot", data=form, environ_base={"REMOTE_ADDR": address}).status_code

    assert [ask(f"2001:db8:0:1::{number:x}") for number in range(30)] == [302] * 30
    assert ask("2001:db8:0:1:ffff::1") == 429
    assert ask("2001:db8:0:2::1") == 302


@pytest.mark.parametrize(
    ("path", "most", "seconds"),
    [
        ("/sign-in", 300, 60),
        ("/password/forgot", 30, 900),
        ("/password/reset/a-token", 60, 900),
        ("/setup/a-token", 60, 900),
        ("/sources/an-id", 1200, 60),
        ("/unsubscribe/a-token", 600, 60),
    ],
)
def test_each_form_has_its_limit(app: Flask, path: str, most: int, seconds: int) -> None:
    cookie = app.test_client()
    cookie.get("/sign-in")  # Visitors have a cookie of their own.
    headers = {"Cookie": f"bellhop={cookie.get_cookie('bellhop').value}"}
    for _post in range(most):
        with app.test_request_context(path, method="POST", headers=headers):
            anonymous_limits._count()
    with (
        app.test_request_context(path, method="POST", headers=headers),
        pytest.raises(TooManyRequests) as caught,
    ):
        anonymous_limits._count()
    assert seconds - 30 < caught.value.retry_after <= seconds


def test_signed_in_people_are_not_counted(app: Flask, alice: User) -> None:
    headers = {"Cookie": session_cookie(app, alice)}
    client = app.test_client(use_cookies=False)
    statuses = {
        client.post("/notifications/changes?action=read", headers=headers).status_code for _post in range(601)
    }
    assert 429 not in statuses

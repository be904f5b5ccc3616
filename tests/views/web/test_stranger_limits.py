from __future__ import annotations

import pytest
from flask import Flask

from app.models import User
from tests.support.gunicorn import session_cookie


@pytest.fixture(autouse=True)
def _without_csrf(app: Flask) -> None:
    app.config["WTF_CSRF_ENABLED"] = False


def test_an_address_that_asks_for_too_many_resets_is_refused_and_others_are_not(app: Flask) -> None:
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


def test_signed_in_people_are_not_counted(app: Flask, alice: User) -> None:
    headers = {"Cookie": session_cookie(app, alice)}
    client = app.test_client(use_cookies=False)
    statuses = {
        client.post("/notifications/changes?action=read", headers=headers).status_code for _post in range(601)
    }
    assert 429 not in statuses

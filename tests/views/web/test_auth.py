"""Who may open pages, and where sign-in redirects."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.models import User
from app.views.web.auth import safe_next


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\\/evil.example",
        "\t//evil.example",
        " //evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "/%09/evil.example",
        "/%2509/evil.example",
        "/%5cevil.example",
        "/%255cevil.example",
        "/%2f/evil.example",
        "/%2fevil.example",
        "%2f%2fevil.example",
        "/.//evil.example",
        "/a/..//evil.example",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "evil.example",
        "@evil.example",
        "/\u200b/evil.example",
        "/\u2028/evil.example",
        "/account\r\nSet-Cookie: x=1",
        "/a\0b",
        "http:evil.example",
        "//[evil",
        "/" + "a" * 3000,
        "/" + "%25" * 100 + "09",
        "",
    ],
)
def test_sign_in_never_redirects_to_another_site(app: Flask, target: str) -> None:
    with app.test_request_context():
        assert safe_next(target) == "/notifications"


@pytest.mark.parametrize(
    "target",
    [
        "/account",
        "/notifications?place=done&q=a+b",
        "/notifications?q=100%25",
        "/notifications?q=https://x.example/a",
    ],
)
def test_sign_in_redirects_to_the_requested_page(app: Flask, target: str) -> None:
    with app.test_request_context():
        assert safe_next(target) == target


def test_signed_out_people_sign_in_and_return_to_their_page(client: FlaskClient) -> None:
    answer = client.get("/notifications?place=done")
    assert answer.status_code == 302
    assert answer.location == "/sign-in?next=/notifications?place%3Ddone"


def test_a_post_is_not_repeated_after_signing_in(app: Flask, client: FlaskClient) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    assert client.post("/account/profile").location == "/sign-in"


def test_a_fragment_request_sends_the_page_to_sign_in(client: FlaskClient) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://localhost/notifications"}
    answer = client.get("/notifications/pulse", headers=headers)
    assert answer.status_code == 204
    assert answer.headers["HX-Redirect"] == "/sign-in?next=/notifications"


@pytest.mark.parametrize("page", ["/admin/users", "/admin/audit"])
def test_admin_pages_are_for_admins(client: FlaskClient, sign_in, alice: User, bob: User, page: str) -> None:
    assert client.get(page).location == f"/sign-in?next={page}"
    assert sign_in(alice).get(page).status_code == 403
    assert sign_in(bob).get(page).status_code == 200

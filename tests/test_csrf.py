"""Every form works behind TLS, and none is accepted from another site."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from flask_wtf.csrf import CSRFError
from sqlalchemy import select
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException

from app import csrf
from app.clock import utc_now
from app.database.base import db
from app.models import User
from app.services.accounts import emails as account_emails
from app.services.digests import links as digest_links
from app.services.operations import demo
from app.services.preferences import unsubscribe
from tests.conftest import make_app
from tests.support import factories
from tests.support.crawl import PageContent, referer, walk
from tests.support.sessions import open_session
from tests.views.forms import send

ADDRESS = "https://bellhop.test"
TLS = {"BASE_URL": ADDRESS, "SESSION_COOKIE_NAME": "__Host-bellhop", "SESSION_COOKIE_SECURE": True}
# They end the session or never end.
LEFT_ALONE = {"accounts.end_session", "security.end_session", "live.stream"}


@pytest.fixture
def secure_app(database_file: Path) -> Iterator[Flask]:
    """An application whose BASE_URL is https, with the demo's people, on a server behind a proxy that speaks TLS."""
    app = make_app(f"sqlite:///{database_file}", **TLS)
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def refusals(secure_app: Flask) -> list[str]:
    """The CSRF refusals of the application."""
    found: list[str] = []

    def record(error: CSRFError) -> Response:
        from flask import request

        found.append(f"{request.method} {request.path}: {error.description}")
        return Response(status=400)

    secure_app.register_error_handler(CSRFError, record)
    return found


def person(name: str) -> User:
    return db.session.scalars(select(User).where(User.email == f"{name}@bellhop.example")).one()


def endpoint_of(app: Flask, way: str) -> str:
    try:
        path = way.removeprefix("POST ").rpartition(",")[0]
        return str(app.url_map.bind("").match(urlsplit(path).path, "POST")[0])
    except HTTPException:
        return ""


@pytest.mark.long
@pytest.mark.parametrize("name", ["ruth", "admin"])
def test_every_form_works_over_https_with_the_referer_its_page_allows(
    secure_app: Flask, refusals: list[str], name: str
) -> None:
    demo.load()
    client = open_session(secure_app.test_client(), person(name), base_url=ADDRESS)
    ways = [page.way for page in walk(secure_app, client, ["/notifications"], LEFT_ALONE, ADDRESS)]
    page = client.get("/sign-out", base_url=ADDRESS)
    token = next(form.fields for form in PageContent(page.text).forms.values() if form.action == "/sign-out")
    assert client.post("/sign-out", base_url=ADDRESS, data=token, headers=referer(page)).status_code == 302
    assert refusals == []
    sent = {endpoint_of(secure_app, way) for way in ways if way.startswith("POST")}
    assert {"accounts.change_password", "accounts.create_token", "preferences.save"} <= sent
    assert len(sent) > {"ruth": 15, "admin": 35}[name]


def test_every_form_for_strangers_works_over_https(secure_app: Flask, refusals: list[str]) -> None:
    demo.load()
    ruth, secret, now = person("ruth"), secure_app.config["SECRET_KEY"], utc_now()
    starts = [
        "/sign-in",
        "/password/forgot",
        unsubscribe.unsubscribe_link(ruth, "interview", secret, ""),
        digest_links.mark_read_link(ruth, now, secret, ""),
        *(
            account_emails.make_password_link(kind, ruth, secret, "", now)
            for kind in account_emails.LIFETIMES
        ),
    ]
    sent = set()
    for start in starts:
        # Each in its own browser and on one page: signing in elsewhere would end the form's session.
        here = secure_app.url_map.bind("").match(start)[0].partition(".")[0]
        others = {name for name in secure_app.view_functions if not name.startswith(f"{here}.")}
        others |= {"accounts.sign_in", "accounts.forgot"}
        for page in walk(secure_app, secure_app.test_client(), [start], others, ADDRESS):
            assert page.status < 500
            if page.way.startswith("POST"):
                sent.add(endpoint_of(secure_app, page.way))
    assert refusals == []
    assert sent >= {
        "accounts.begin_session",
        "accounts.request_reset",
        "accounts.choose_password",
        "unsubscribe.stop",
        "digests.mark_read",
    }


@pytest.mark.parametrize(
    "headers",
    [
        # The browser withholds everything: the token alone decides.
        {},
        {"Origin": "null"},
        {"Referer": ""},
        {"Referer": "about:blank"},
        # Our own address.
        {"Referer": "https://bellhop.test/password/reset/x"},
        {"Origin": "https://bellhop.test"},
        {"Origin": "https://bellhop.test:443"},
        {"Origin": "https://BELLHOP.test"},
        {"Origin": "null", "Referer": "https://bellhop.test/"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://other.name.test"},
        {"Sec-Fetch-Site": "none"},
        # After a redirect by way of another site; the Origin still names the page of the form.
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://bellhop.test"},
    ],
)
def test_a_form_is_accepted_unless_the_browser_names_another_site(headers: dict[str, str]) -> None:
    assert csrf.foreign_origin(Headers(headers), ["https://bellhop.test"]) == ""


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.test",
        "https://evil.bellhop.test",
        "https://bellhop.test.evil.test",
        "https://bellhop.test:8443",
        "http://bellhop.test",
    ],
)
def test_another_host_scheme_or_port_is_another_site(origin: str) -> None:
    assert csrf.foreign_origin(Headers({"Origin": origin}), ["https://bellhop.test"]) == origin


@pytest.mark.parametrize(
    ("headers", "foreign"),
    [
        ({"Referer": "https://evil.test/?https://bellhop.test/"}, "https://evil.test"),
        ({"Referer": "http://bellhop.test/sign-in"}, "http://bellhop.test"),
        ({"Origin": "null", "Referer": "https://evil.test/"}, "https://evil.test"),
        ({"Origin": "https://evil.test", "Referer": "https://bellhop.test/"}, "https://evil.test"),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "null"}, "null"),
        ({"Sec-Fetch-Site": "same-site"}, "null"),
        ({"Origin": "http://[::1"}, "://?"),
    ],
)
def test_the_browser_names_the_other_site(headers: dict[str, str], foreign: str) -> None:
    assert csrf.foreign_origin(Headers(headers), ["https://bellhop.test"]) == foreign


def test_a_proxy_that_hides_tls_breaks_nothing() -> None:
    assert csrf.foreign_origin(Headers({"Origin": "https://bellhop.test"}), ["http://bellhop.test/"]) == ""


@pytest.mark.parametrize(
    ("host", "scheme"), [("bellhop.test", "https"), ("bellhop.test", "http"), ("127.0.0.1:5000", "http")]
)
@pytest.mark.parametrize("page", ["/sign-in", "/password/forgot"])
def test_a_proxy_may_pass_on_the_host_and_the_scheme_or_not(
    secure_app: Flask, host: str, scheme: str, page: str
) -> None:
    # As a browser: over TLS at BASE_URL. As the server sees it: what the proxy sent.
    client = secure_app.test_client()
    client.environ_base |= {"HTTP_ORIGIN": ADDRESS, "HTTP_REFERER": f"{ADDRESS}{page}"}
    secure_app.config.update(SESSION_COOKIE_NAME="bellhop", SESSION_COOKIE_SECURE=False)
    base = f"{scheme}://{host}"
    token = client.get(page, base_url=base).text.partition('name="csrf_token" value="')[2].partition('"')[0]
    answer = client.post(page, base_url=base, data={"csrf_token": token, "email": "x@example.test"})
    assert answer.status_code in {302, 422}


def test_another_site_is_refused_even_with_a_token(client: FlaskClient, alice: User) -> None:
    client.environ_base["HTTP_ORIGIN"] = "https://evil.test"
    answer = send(client, "/sign-in", "/sign-in", email=alice.email, password=factories.PASSWORD)
    assert answer.status_code == 400
    assert "This form came from another address" in answer.text
    assert "https://evil.test" in answer.text
    assert "http://bellhop.test" in answer.text
    assert "pass on Host" in answer.text


def test_a_session_call_of_the_api_from_another_site_is_refused(
    app: Flask, alice: User, sign_in: Callable[[User], FlaskClient]
) -> None:
    client = sign_in(alice)
    page = client.get("/preferences").text
    token = page.partition('name="csrf_token" value="')[2].partition('"')[0]
    headers = {"X-CSRFToken": token, "Origin": "https://evil.test"}
    answer = client.put("/api/notifications/preferences/", json={"digest_hour": 7}, headers=headers)
    assert answer.status_code == 403
    assert "a different address" in answer.get_json()["detail"]
    own = headers | {"Origin": "http://bellhop.test"}
    assert (
        client.put("/api/notifications/preferences/", json={"digest_hour": 7}, headers=own).status_code == 200
    )


def test_the_page_says_why_a_form_cannot_work(client: FlaskClient, app: Flask) -> None:
    def words(**options: Any) -> str:
        answer = client.post("/sign-in", **options)
        assert answer.status_code == 400
        return html.unescape(answer.text)

    # Nothing came back from the browser.
    assert "Your browser didn't send Bellhop's cookie" in words()
    # The session is another one.
    client.get("/sign-in")
    assert "You signed in or out since it loaded" in words(data={"csrf_token": "old"})
    # The proxy speaks TLS, or BASE_URL is not the address that the browser uses.
    app.config["BASE_URL"] = "https://bellhop.test"
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/sign-in").text)[1]
    for origin, header in (("http://bellhop.test", "X-Forwarded-Proto"), ("https://bell.test", "Host")):
        text = words(data={"csrf_token": token}, headers={"Origin": origin})
        assert f"sent it from {origin}, but Bellhop's address is https://bellhop.test" in text
        assert f"pass on {header}" in text
    assert "another site sent it" in words(
        data={"csrf_token": token}, headers={"Origin": "null", "Sec-Fetch-Site": "cross-site"}
    )

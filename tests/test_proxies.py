"""Behind reverse proxies: whose address a request has, and below which path pages are shown."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask, jsonify, request

from app import proxies
from app.database.base import db
from app.models import AuditEntry, User
from tests.conftest import make_app
from tests.support import factories
from tests.views.forms import send


def seen(
    hops: int, headers: list[tuple[str, str]] | dict[str, str], base_url: str = "http://bellhop.test"
) -> Any:
    """Return what an application sees of a request for `/` forwarded by the last proxy, 10.0.0.9."""
    app = Flask("seen")
    app.config.update(TRUSTED_PROXIES=hops, BASE_URL=base_url)
    app.add_url_rule(
        "/",
        view_func=lambda: jsonify(
            address=request.remote_addr, scheme=request.scheme, host=request.host, root=request.script_root
        ),
    )
    proxies.register(app)
    answer = app.test_client().get(
        "/", headers=headers, environ_overrides={"REMOTE_ADDR": "10.0.0.9", "HTTP_HOST": "127.0.0.1:5000"}
    )
    return answer.get_json()


FORWARDED = {
    "X-Forwarded-For": "203.0.113.7",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "bellhop.example",
    "X-Forwarded-Port": "443",
    "X-Forwarded-Prefix": "/bellhop",
}


def test_forwarded_headers_are_ignored_without_a_trusted_proxy() -> None:
    headers = FORWARDED | {
        "Forwarded": "for=203.0.113.7;proto=https;host=x.example",
        "X-Real-IP": "203.0.113.7",
    }
    assert seen(0, headers) == {"address": "10.0.0.9", "scheme": "http", "host": "127.0.0.1:5000", "root": ""}


def test_one_trusted_proxy_states_address_scheme_host_and_prefix() -> None:
    assert seen(1, FORWARDED) == {
        "address": "203.0.113.7",
        "scheme": "https",
        "host": "bellhop.example",
        "root": "/bellhop",
    }


def test_rfc_7239_is_never_read() -> None:
    assert seen(1, {"Forwarded": "for=203.0.113.7;proto=https"})["address"] == "10.0.0.9"


@pytest.mark.parametrize(
    ("hops", "chain", "address"),
    [
        (1, "203.0.113.7", "203.0.113.7"),
        # Entries further left were sent by the browser.
        (1, "192.0.2.1, 203.0.113.7", "203.0.113.7"),
        (1, "192.0.2.1, 192.0.2.2, 192.0.2.3,203.0.113.7", "203.0.113.7"),
        (2, "192.0.2.1, 203.0.113.7, 10.0.0.8", "203.0.113.7"),
        (3, "192.0.2.1, 203.0.113.7, 10.0.0.7, 10.0.0.8", "203.0.113.7"),
        # The request bypassed a proxy, so no header counts.
        (2, "203.0.113.7", "10.0.0.9"),
        (3, "203.0.113.7, 10.0.0.8", "10.0.0.9"),
        (1, "", "10.0.0.9"),
        # The other spellings that proxies send.
        (1, "203.0.113.7:49152", "203.0.113.7"),
        (1, "[2001:db8::7]:49152", "2001:db8::7"),
        (1, "[2001:db8::7]", "2001:db8::7"),
        (1, "2001:0DB8:0:0::7", "2001:db8::7"),
        (1, '"[2001:db8::7]:49152"', "2001:db8::7"),
        (1, "::ffff:203.0.113.7", "203.0.113.7"),
        (1, "[::ffff:203.0.113.7]:80", "203.0.113.7"),
        # Not addresses.
        (1, "unknown", "10.0.0.9"),
        (1, "_hidden", "10.0.0.9"),
        (1, "203.0.113.7,", "10.0.0.9"),
        (1, "203.0.113.256", "10.0.0.9"),
        (1, "203.0.113.7:port", "10.0.0.9"),
        (1, "fe80::1%eth0", "10.0.0.9"),
        (1, "<script>", "10.0.0.9"),
        (1, "[::1", "10.0.0.9"),
        (1, "1" * 5000, "10.0.0.9"),
    ],
)
def test_the_address_is_what_the_outermost_trusted_proxy_saw(hops: int, chain: str, address: str) -> None:
    assert seen(hops, {"X-Forwarded-For": chain})["address"] == address


def test_several_header_lines_are_one_chain() -> None:
    # As gunicorn joins them (RFC 9110, 5.3).
    lines = ",".join(["192.0.2.1", "192.0.2.2, 203.0.113.7", "10.0.0.8"])
    assert seen(2, {"X-Forwarded-For": lines})["address"] == "203.0.113.7"


@pytest.mark.parametrize(
    ("headers", "host"),
    [
        ({"X-Forwarded-Host": "bellhop.example"}, "bellhop.example"),
        ({"X-Forwarded-Host": "evil.example, bellhop.example"}, "bellhop.example"),
        ({"X-Forwarded-Host": "bellhop.example:8443"}, "bellhop.example:8443"),
        ({"X-Forwarded-Host": "bellhop.example:8443", "X-Forwarded-Port": "443"}, "bellhop.example:8443"),
        ({"X-Forwarded-Host": "bellhop.example", "X-Forwarded-Port": "8443"}, "bellhop.example:8443"),
        ({"X-Forwarded-Host": "[2001:db8::1]", "X-Forwarded-Port": "8443"}, "[2001:db8::1]:8443"),
        ({"X-Forwarded-Port": "80"}, "127.0.0.1"),
        ({"X-Forwarded-Port": "443", "X-Forwarded-Proto": "https"}, "127.0.0.1"),
        ({"X-Forwarded-Port": "0"}, "127.0.0.1:5000"),
        ({"X-Forwarded-Port": "70000"}, "127.0.0.1:5000"),
        ({"X-Forwarded-Port": "٤٤٣"}, "127.0.0.1:5000"),
        ({"X-Forwarded-Host": 'evil"><script>'}, "127.0.0.1:5000"),
        ({"X-Forwarded-Host": "evil.example/path"}, "127.0.0.1:5000"),
        ({"X-Forwarded-Host": "user@evil.example"}, "127.0.0.1:5000"),
    ],
)
def test_the_host_is_the_one_in_the_browsers_address_bar(headers: dict[str, str], host: str) -> None:
    encoded = [(name, value.encode().decode("latin-1")) for name, value in headers.items()]
    assert seen(1, encoded)["host"] == host


@pytest.mark.parametrize(
    ("value", "scheme"),
    [("https", "https"), ("HTTPS", "https"), ("http, https", "https"), ("javascript", "http"), ("", "http")],
)
def test_the_scheme_is_http_or_https(value: str, scheme: str) -> None:
    assert seen(1, {"X-Forwarded-Proto": value})["scheme"] == scheme


@pytest.mark.parametrize(
    ("value", "root"),
    [
        ("/bellhop", "/bellhop"),
        ("/bellhop/", "/bellhop"),
        ("/a/b", "/a/b"),
        ("/", ""),
        ("//evil.example", ""),
        ("bellhop", ""),
        ("/../x", ""),
        ("/<script>", ""),
        ("https://evil.example", ""),
    ],
)
def test_a_prefix_is_a_plain_path(value: str, root: str) -> None:
    assert seen(1, {"X-Forwarded-Prefix": value})["root"] == root


def test_base_url_decides_the_prefix_where_it_has_a_path() -> None:
    assert seen(1, {"X-Forwarded-Prefix": "/other"}, "https://bellhop.test/bellhop")["root"] == "/bellhop"


def test_an_ipv4_address_on_a_dual_stack_socket_has_its_ordinary_spelling(app: Flask) -> None:
    echo = Flask("echo")
    echo.config.update(TRUSTED_PROXIES=0, BASE_URL="http://bellhop.test")
    echo.add_url_rule("/", view_func=lambda: str(request.remote_addr))
    proxies.register(echo)
    answer = echo.test_client().get("/", environ_overrides={"REMOTE_ADDR": "::ffff:203.0.113.7"})
    assert answer.text == "203.0.113.7"


@pytest.mark.parametrize("hops", [0, 1])
@pytest.mark.parametrize(
    ("prefix", "path", "found"),
    [
        ("/bellhop", "/bellhop/notifications", "/notifications"),
        ("/bellhop", "/notifications", "/notifications"),
        ("/bellhop", "//notifications", "/notifications"),
        ("/bellhop", "/bellhop//notifications", "/notifications"),
        ("/bellhop", "/bellhop", "/"),
        ("/bellhop", "/bellhop/", "/"),
        ("/bellhop", "", "/"),
        ("/bellhop", "/bellhops", "/bellhops"),
        ("/a/b.c", "/a/b.c/notifications", "/notifications"),
        ("/a/b.c", "/a/notifications", "/a/notifications"),
        # The prefix of a page of Bellhop's own, not removed.
        ("/notifications", "/notifications/notifications", "/notifications"),
        ("/notifications", "/notifications", "/"),
    ],
)
def test_a_prefix_may_be_removed_by_the_proxy_or_not(hops: int, prefix: str, path: str, found: str) -> None:
    assert requested(hops, prefix, path, {}) == (prefix, found)


def test_a_proxy_that_announces_its_prefix_may_use_the_name_of_a_page() -> None:
    headers = {"X-Forwarded-Prefix": "/notifications"}
    assert requested(1, "/notifications", "/notifications", headers) == ("/notifications", "/notifications")
    assert requested(1, "/bellhop", "/bellhop/account", {"X-Forwarded-Prefix": "/bellhop"}) == (
        "/bellhop",
        "/account",
    )


def test_a_path_that_the_server_has_split_is_unchanged() -> None:
    assert requested(0, "/bellhop", "/bellhop/x", {}, SCRIPT_NAME="/bellhop") == ("/bellhop", "/bellhop/x")


def requested(hops: int, prefix: str, path: str, headers: dict[str, str], **environ: str) -> tuple[str, str]:
    app = Flask("requested")
    app.config.update(TRUSTED_PROXIES=hops, BASE_URL=f"https://bellhop.test{prefix}")
    app.add_url_rule("/notifications", view_func=lambda: "")
    found = {}

    def inner(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        found.update(environ)
        start_response("200 OK", [])
        return []

    app.wsgi_app = inner  # type: ignore[method-assign]
    proxies.register(app)
    app.test_client().get("/", headers=headers, environ_overrides={"PATH_INFO": path, **environ})
    return found["SCRIPT_NAME"], found["PATH_INFO"]


def test_the_audit_log_and_the_limits_know_the_browsers_address(app: Flask, alice: User) -> None:
    behind = make_app(app.config["SQLALCHEMY_DATABASE_URI"], TRUSTED_PROXIES=1)
    with behind.app_context():
        client = behind.test_client()
        client.environ_base["HTTP_X_FORWARDED_FOR"] = "192.0.2.1, 203.0.113.7"
        send(client, "/sign-in", "/sign-in", email=alice.email, password="wrong, sadly")
        entry = db.session.query(AuditEntry).filter_by(action="sign_in.failed").one()
        assert entry.detail["origin"] == "203.0.113.7"
        db.session.remove()
        db.engine.dispose()


@pytest.mark.parametrize("sent", ["/bellhop/account", "/account"])
def test_links_redirects_and_cookies_stay_below_the_prefix(app: Flask, alice: User, sent: str) -> None:
    below = make_app(
        app.config["SQLALCHEMY_DATABASE_URI"],
        BASE_URL="https://host.test/bellhop",
        SESSION_COOKIE_PATH="/bellhop",
    )
    with below.app_context():
        factories.notification(alice, "Read me", action_url="/account")
        stranger = below.test_client()
        asked = stranger.get(sent)
        assert asked.headers["Location"] == "/bellhop/sign-in?next=/bellhop/account"
        page = stranger.get("/bellhop/sign-in")
        assert "/bellhop/static/" in page.text
        assert "Path=/bellhop" in page.headers["Set-Cookie"]
        db.session.remove()
        db.engine.dispose()

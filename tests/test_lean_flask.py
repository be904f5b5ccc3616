"""What Flask does for every request, in fewer steps: requests and responses are as Flask's own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException
from werkzeug.test import create_environ, run_wsgi_app

from app.lean_flask import LeanResponse, vary_by
from app.models import User
from tests.support import factories


@pytest.mark.parametrize(
    "response",
    [
        ("text", 200, {}),
        ("text", 201, {"Location": "/a b"}),
        (["a", b"b"], 200, {}),
        (iter(()), 200, {}),
        ("", 204, {}),
        ("", 303, {"Location": "/ü"}),
        (None, 304, {"ETag": '"1"', "Vary": "Cookie", "Content-Language": "en"}),
        ("text", 404, {}),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_response_is_sent_as_werkzeug_sends_it(response: Any, method: str) -> None:
    environ = create_environ("/", method=method)
    sent, theirs = (kind(*response).get_wsgi_response(environ) for kind in (LeanResponse, Response))
    assert sent[1:] == theirs[1:]
    assert b"".join(sent[0]) == b"".join(theirs[0])


def test_what_waits_for_the_end_of_a_response_is_called() -> None:
    response, ended = LeanResponse("text"), []
    response.call_on_close(lambda: ended.append(True))
    body, _status, _headers = run_wsgi_app(response, create_environ("/"), buffered=True)
    assert (b"".join(body), ended) == (b"text", [True])


@pytest.mark.parametrize(
    "host",
    ["bellhop.test", "BELLHOP.test:80", "bellhop.test:8080", "[::1]:5000", "a..b", "a" * 64, "a/b", "", "é"],
)
@pytest.mark.parametrize("script_name", ["", "/hiring"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_routes_are_bound_as_flask_binds_them(app: Flask, host: str, script_name: str, scheme: str) -> None:
    environ = create_environ("/notifications", method="POST", query_string="q=%C3%BC&b")
    environ |= {"HTTP_HOST": host, "SCRIPT_NAME": script_name, "wsgi.url_scheme": scheme}
    environ["HTTP_HOST"] = host.encode().decode("latin-1")
    assert _bind(super(type(app), app).create_url_adapter, app, environ) == _bind(
        lambda request: Flask.create_url_adapter(app, request), app, environ
    )


def _bind(bind: Callable[[Any], Any], app: Flask, environ: dict[str, Any]) -> Any:
    request = app.request_class(dict(environ))
    try:
        adapter = bind(request)
    except HTTPException as error:
        return type(error)
    return request.host, vars(adapter)


def test_headers_that_a_response_depends_on_are_collected() -> None:
    response = Response()
    for name in ("Cookie", "Accept-Encoding", "Cookie"):
        vary_by(response, name)
    assert response.headers.getlist("Vary") == ["Cookie, Accept-Encoding"]


@pytest.mark.parametrize(
    ("path", "limit"),
    [("/api/notifications/unread-count/", 1.6), ("/api/notifications/", 1.75), ("/notifications/pulse", 1.9)],
)
def test_a_poll_takes_few_more_calls_than_a_bare_page(
    app: Flask,
    alice: User,
    token: Callable[..., dict[str, str]],
    sign_in: Callable[[User], FlaskClient],
    path: str,
    limit: float,
) -> None:
    factories.notification(alice)
    headers = token(alice) if path.startswith("/api/") else _browser(sign_in(alice), path)
    bare = Flask("bare")
    bare.add_url_rule("/", view_func=lambda: "Hello")
    assert _count_calls(app, path, headers) < limit * _count_calls(bare, "/", {})


def _browser(client: FlaskClient, path: str) -> dict[str, str]:
    """The headers of a browser that has this page."""
    name = client.application.config["SESSION_COOKIE_NAME"]
    cookie = client.get_cookie(name)
    assert cookie is not None
    return {"Cookie": f"{name}={cookie.value}", "If-None-Match": client.get(path).headers["ETag"]}


def _count_calls(app: Flask, path: str, headers: dict[str, str]) -> int:
    """Count the Python calls of the third request, when everything is remembered."""
    count = 0

    def count_call(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    for number in range(3):
        environ = create_environ(path, headers=headers)
        if number == 2:
            sys.setprofile(count_call)
        try:
            run_wsgi_app(app, environ)
        finally:
            sys.setprofile(None)
    return count

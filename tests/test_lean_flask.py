"""What Flask does for every request, in fewer steps: requests and responses are as Flask's own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import flask
import pytest
from flask import Flask, Response
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
        (iter(["a", "b"]), 200, {}),
        ("", 204, {}),
        ("", 303, {"Location": "/ü"}),
        (None, 304, {"ETag": '"1"', "Vary": "Cookie", "Content-Language": "en"}),
        ("text", 404, {}),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_headers_are_those_that_werkzeug_sends(response: Any, method: str) -> None:
    environ = create_environ("/", method=method)
    sent, theirs = (kind(*response).get_wsgi_response(environ) for kind in (LeanResponse, Response))
    assert sent[1:] == theirs[1:]


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


def test_an_unread_count_takes_fewer_than_twice_the_calls_of_a_bare_page(
    app: Flask, alice: User, token: Callable[..., dict[str, str]]
) -> None:
    factories.notification(alice)
    bare = flask.Flask("bare")
    bare.add_url_rule("/", view_func=lambda: "Hello")
    ours = _count_calls(app, "/api/notifications/unread-count/", token(alice))
    assert ours < 2 * _count_calls(bare, "/", {})


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

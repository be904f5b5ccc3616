"""The security headers of responses that gunicorn sends."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from flask import Flask, Response
from gunicorn.config import Config
from gunicorn.http.wsgi import Response as GunicornResponse
from werkzeug.test import create_environ, run_wsgi_app

from app.views.web import security_headers

OWN_POLICY = {"Content-Security-Policy": "default-src 'none'"}


@pytest.mark.parametrize("status", [200, 204, 304, 404])
@pytest.mark.parametrize("own", [{}, OWN_POLICY])
def test_gunicorn_sends_the_headers_that_other_servers_send(status: int, own: dict[str, str]) -> None:
    app = Flask("other")
    app.config |= {"STATIC_URL": "", "BASE_URL": "https://bellhop.example"}
    app.add_url_rule("/", view_func=lambda: Response(status=status, headers=own))
    security_headers.register(app)
    _body, _status, others = run_wsgi_app(app, create_environ("/"))
    request = SimpleNamespace(method="GET", version=(1, 1))
    response = GunicornResponse(request, None, Config())
    app(create_environ("/"), response.start_response)
    assert response.headers == list(others)
    assert dict(security_headers.ALWAYS).items() <= dict(response.headers).items()
    assert [value for name, value in response.headers if name in own] == list(own.values())

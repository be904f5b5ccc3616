from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.models import User
from app.views.web.static_files import FOLDER, static_url
from tests.conftest import make_app

SignIn = Callable[[User], FlaskClient]


def test_a_file_is_kept_for_ever_under_the_address_of_its_content(app: Flask, client: FlaskClient) -> None:
    with app.test_request_context():
        url = static_url("css/app.css")
    assert re.fullmatch(r"/static/[0-9a-f]{12}/css/app\.css", url)
    response = client.get(url)
    assert "immutable" in response.headers["Cache-Control"]
    assert response.content_type == "text/css; charset=utf-8"
    assert response.data == (FOLDER / "css/app.css").read_bytes()


def test_it_comes_gzipped_to_whom_asks_for_that(app: Flask, client: FlaskClient) -> None:
    with app.test_request_context():
        url = static_url("js/app.js")
    plain, small = client.get(url), client.get(url, headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain.headers
    assert small.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(small.data) == plain.data
    assert small.headers["Vary"] == "Accept-Encoding"
    assert "text/javascript" in small.content_type


def test_an_old_address_answers_but_is_not_kept(client: FlaskClient) -> None:
    response = client.get("/static/000000000000/css/app.css")
    assert (response.status_code, response.headers["Cache-Control"]) == (200, "public, max-age=60")


@pytest.mark.parametrize("name", ["css/none.css", "../../config.py", "%2e%2e/%2e%2e/config.py", ""])
def test_nothing_else_can_be_reached(client: FlaskClient, name: str) -> None:
    assert client.get(f"/static/000000000000/{name}").status_code == 404


def test_a_cdn_stands_in_front_of_the_same_paths(database_file: Path) -> None:
    app = make_app(f"sqlite:///{database_file}", STATIC_URL="https://cdn.example")
    page = app.test_client().get("/sign-in")
    assert re.search(r'href="https://cdn\.example/static/[0-9a-f]{12}/css/app\.css"', page.text)
    assert "script-src 'self' https://cdn.example;" in page.headers["Content-Security-Policy"]


def test_styles_and_scripts_stay_within_their_budget() -> None:
    def weight(*patterns: str) -> int:
        return sum(
            len(gzip.compress(path.read_bytes())) for pattern in patterns for path in FOLDER.glob(pattern)
        )

    assert weight("css/*.css") < 30_000
    assert weight("js/*.js", "vendor/htmx.min.js") < 60_000

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.models import User
from app.views.web.static_files import FOLDER, STYLESHEET_PARTS, static_url
from tests.conftest import make_app

SignIn = Callable[[User], FlaskClient]


def stylesheet(app: Flask, client: FlaskClient) -> str:
    with app.test_request_context():
        return client.get(static_url("css/app.css")).text


def test_a_file_is_cached_for_ever_under_its_fingerprint(app: Flask, client: FlaskClient) -> None:
    with app.test_request_context():
        url = static_url("js/app.js")
    assert re.fullmatch(r"/static/[0-9a-f]{12}/js/app\.js", url)
    response = client.get(url)
    assert "immutable" in response.headers["Cache-Control"]
    assert response.content_type == "text/javascript; charset=utf-8"
    source = (FOLDER / "js/app.js").read_bytes()
    # Without its comments, but with as many lines.
    assert b"//" in source
    assert b"//" not in response.data
    assert response.data.count(b"\n") == source.count(b"\n")
    assert response.data.endswith(source.splitlines(keepends=True)[-1])


def test_files_are_gzipped_for_clients_that_accept_it(app: Flask, client: FlaskClient) -> None:
    with app.test_request_context():
        url = static_url("js/app.js")
    plain, small = client.get(url), client.get(url, headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain.headers
    assert small.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(small.data) == plain.data
    assert small.headers["Vary"] == "Accept-Encoding"
    assert "text/javascript" in small.content_type


def test_an_outdated_address_is_served_but_not_cached(client: FlaskClient) -> None:
    response = client.get("/static/000000000000/css/app.css")
    assert (response.status_code, response.headers["Cache-Control"]) == (200, "public, max-age=60")


@pytest.mark.parametrize("name", ["css/none.css", "../../config.py", "%2e%2e/%2e%2e/config.py", ""])
def test_other_files_are_not_served(client: FlaskClient, name: str) -> None:
    assert client.get(f"/static/000000000000/{name}").status_code == 404


def test_a_cdn_serves_the_same_paths(database_file: Path) -> None:
    app = make_app(f"sqlite:///{database_file}", STATIC_URL="https://cdn.example")
    page = app.test_client().get("/sign-in")
    assert re.search(r'href="https://cdn\.example/static/[0-9a-f]{12}/css/app\.css"', page.text)
    assert "script-src 'self' https://cdn.example;" in page.headers["Content-Security-Policy"]


def test_every_css_file_is_part_of_the_stylesheet() -> None:
    on_disk = {f"css/{path.name}" for path in (FOLDER / "css").iterdir()}
    assert on_disk - {"css/docs.css"} == set(STYLESHEET_PARTS)
    assert len(STYLESHEET_PARTS) == len(set(STYLESHEET_PARTS))


def test_the_stylesheet_joins_its_parts_in_order(app: Flask, client: FlaskClient) -> None:
    sheet = stylesheet(app, client)
    positions = [sheet.index((FOLDER / part).read_text()) for part in STYLESHEET_PARTS]
    assert positions == sorted(positions)
    assert len(sheet) == sum(len((FOLDER / part).read_text()) + 1 for part in STYLESHEET_PARTS) - 1


def test_the_stylesheet_names_its_layers_before_it_uses_them(app: Flask, client: FlaskClient) -> None:
    sheet = re.sub(r"/\*.*?\*/", "", stylesheet(app, client), flags=re.DOTALL)
    order = re.match(r"\s*@layer ([\w, ]+);", sheet)
    assert order
    assert set(re.findall(r"@layer (\w+) \{", sheet)) == set(order[1].split(", "))


def test_a_part_of_the_stylesheet_is_not_served_alone(client: FlaskClient) -> None:
    assert client.get("/static/000000000000/css/inbox.css").status_code == 404


def test_stylesheets_and_scripts_stay_within_their_size_budget(app: Flask, client: FlaskClient) -> None:
    def size(*names: str) -> int:
        gzipped = {"Accept-Encoding": "gzip"}
        return sum(len(client.get(f"/static/000000000000/{name}", headers=gzipped).data) for name in names)

    scripts = [f"js/{path.name}" for path in (FOLDER / "js").iterdir()]
    assert size("css/app.css", "css/docs.css") < 30_000
    assert size("vendor/htmx.min.js", *scripts) < 45_000

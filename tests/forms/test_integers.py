"""Integers that do not fit a database id are ignored in URLs and forms."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient

from app.models import User

APP = Path(__file__).resolve().parents[2] / "app"


def test_pages_ignore_integers_that_are_too_large(bob: User, sign_in: Callable[[User], FlaskClient]) -> None:
    client = sign_in(bob)
    for path in (
        "/notifications?open=",
        "/notifications?limit=",
        "/notifications/choices?id=",
        "/admin/deliveries?before=",
        "/admin/deliveries/suppressed?before=",
        "/admin/announcements?before=",
        "/admin/users?before=",
        "/admin/users?after=",
        "/admin/audit?before=",
    ):
        for number in ("9999999999999999999", "-9999999999999999999"):
            assert client.get(path + number).status_code == 200, path


def test_forms_ignore_integers_that_are_too_large(
    app: Flask, bob: User, sign_in: Callable[[User], FlaskClient]
) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    sent = {"ids": "9999999999999999999", "action": "done", "version": "9999999999999999999"}
    sent |= {"number": "9999999999999999999"}
    for path in (
        "/notifications/changes",
        "/admin/templates/1/draft/base",
        "/admin/templates/1/restoration",
    ):
        assert sign_in(bob).post(path, data=sent).status_code < 500


def test_every_integer_is_read_by_parse_integer() -> None:
    files = [*APP.glob("views/**/*.py"), *APP.glob("forms/*.py")]
    assert [path.name for path in files if re.search(r"type=int\b", path.read_text())] == []

"""Numbers that no database can hold: an address or a form that has one answers as if it had none."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient

from app.models import User

APP = Path(__file__).resolve().parents[2] / "app"


def test_a_page_stands_without_it(bob: User, sign_in: Callable[[User], FlaskClient]) -> None:
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


def test_a_form_does_nothing_with_it(app: Flask, bob: User, sign_in: Callable[[User], FlaskClient]) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    sent = {"ids": "9999999999999999999", "action": "done", "version": "9999999999999999999"}
    sent |= {"number": "9999999999999999999"}
    for path in (
        "/notifications/changes",
        "/admin/templates/1/draft/base",
        "/admin/templates/1/restoration",
    ):
        assert sign_in(bob).post(path, data=sent).status_code < 500


def test_every_number_is_read_by_the_one_rule() -> None:
    files = [*APP.glob("views/**/*.py"), *APP.glob("forms/*.py")]
    assert [path.name for path in files if re.search(r"type=int\b", path.read_text())] == []

"""Helpers of tests that use the inbox over HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.database.base import db
from app.models import Notification, User

SignIn = Callable[[User], FlaskClient]
HX = {"HX-Request": "true"}
HOSTILE = "<img src=x onerror=alert(1)>\"'&"


def send(client: FlaskClient, url: str, headers: dict[str, str] | None = None, **data: Any) -> TestResponse:
    """Post a form of the inbox, with the token that the page carries."""
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/notifications").text)
    assert token is not None
    return client.post(url, data={"csrf_token": token[1], **data}, headers=headers)


def fresh(row: Notification) -> Notification:
    db.session.refresh(row)
    return row


def titles(page: str) -> list[str]:
    return re.findall(r"</bdi>([^<]+)</a></h3>", re.sub("</?mark>", "", page))

"""The session cookie is read once while it is valid, and what a request changes in it stays with that request."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import BadSignature, URLSafeTimedSerializer

from app.clock import utc_now


@pytest.fixture
def serializer(app: Flask) -> URLSafeTimedSerializer:
    assert isinstance(app.session_interface, SecureCookieSessionInterface)
    found = app.session_interface.get_signing_serializer(app)
    assert found is not None
    return found


def test_a_cookie_that_was_read_expires(serializer: URLSafeTimedSerializer) -> None:
    text = serializer.dumps({"_user_id": "key"})
    assert serializer.loads(text, max_age=3600) == {"_user_id": "key"}
    for hours in (-1, 2):
        with (
            time_machine.travel(utc_now() + timedelta(hours=hours), tick=False),
            pytest.raises(BadSignature),
        ):
            serializer.loads(text, max_age=3600)


def test_a_changed_cookie_is_refused_although_the_real_one_was_read(
    serializer: URLSafeTimedSerializer,
) -> None:
    text = serializer.dumps({"_user_id": "key"})
    serializer.loads(text, max_age=3600)
    signed, signature = text.rsplit(".", 1)
    # Its first character: the last one has bits that do not count.
    changed = ("B" if signature[0] == "A" else "A") + signature[1:]
    with pytest.raises(BadSignature):
        serializer.loads(f"{signed}.{changed}", max_age=3600)
    with pytest.raises(BadSignature):
        serializer.loads("A" + text, max_age=3600)


def test_requests_with_the_same_cookie_share_nothing(serializer: URLSafeTimedSerializer) -> None:
    text = serializer.dumps({"_flashes": [["message", "Saved."]]})
    for _ in range(2):
        contents = serializer.loads(text, max_age=3600)
        assert contents == {"_flashes": [["message", "Saved."]]}
        contents["_flashes"].append(["message", "Another."])
        contents["_user_id"] = "key"


def test_a_cookie_of_another_secret_key_is_refused(app: Flask, serializer: URLSafeTimedSerializer) -> None:
    text = serializer.dumps({"_user_id": "key"})
    serializer.loads(text, max_age=3600)
    app.secret_key = "another"
    assert isinstance(app.session_interface, SecureCookieSessionInterface)
    other = app.session_interface.get_signing_serializer(app)
    assert other is not None
    with pytest.raises(BadSignature):
        other.loads(text, max_age=3600)

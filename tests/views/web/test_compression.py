"""Pages are gzipped, and their length reveals nothing."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from app.clock import utc_now
from app.models import User
from app.views.web import compression
from tests.support import factories

SignIn = Callable[[User], FlaskClient]
GZIP = {"Accept-Encoding": "gzip"}


def test_an_inbox_of_fifty_rows_is_under_thirty_kilobytes(sign_in: SignIn, alice: User) -> None:
    now = utc_now()
    for n in range(60):
        words = f"Candidate {n * 7919 % 1000} and job {n * 104729 % 1000} on day {n}"
        factories.notification(alice, words, message=words * 2, created_at=now - timedelta(hours=n))
    answer = sign_in(alice).get("/notifications", headers=GZIP)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.data).count(b'<li class="row"') == 50
    assert len(answer.data) < 30_000


def test_pages_are_not_gzipped_unless_accepted(sign_in: SignIn, alice: User) -> None:
    client = sign_in(alice)
    for asked in ({}, {"Accept-Encoding": "gzip;q=0"}, {"Accept-Encoding": "br"}):
        answer = client.get("/account", headers=asked)
        assert "Content-Encoding" not in answer.headers
        assert "Accept-Encoding" in answer.vary
        assert "</html>" in answer.text


def test_the_length_of_a_gzipped_page_is_random(client: FlaskClient) -> None:
    sizes = {len(client.get("/sign-in", headers=GZIP).data) for _ in range(20)}
    assert max(sizes) - min(sizes) > 20


def test_an_unchanged_pulse_is_a_304_gzipped_or_not(
    sign_in: SignIn, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compression, "MIN_SIZE", 0)
    client = sign_in(alice)
    first = client.get("/notifications/pulse?list=1", headers=GZIP)
    assert first.headers["Content-Encoding"] == "gzip"
    again = client.get("/notifications/pulse?list=1", headers=GZIP | {"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304

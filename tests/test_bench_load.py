"""`bin/bench load` loads a real server, and no other machine without being told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask

from app.database.base import db
from app.services.accounts import tokens
from bench import load
from tests.support import factories
from tests.support.gunicorn import serving

EMAIL = "alice@example.test"
LITTLE = (
    "--email",
    EMAIL,
    "--seconds",
    "0.5",
    "--pages",
    "8",
    "--polls",
    "8",
    "--events",
    "8",
    "--streams",
    "2",
)


@pytest.fixture
def bench_token(app: Flask, monkeypatch: pytest.MonkeyPatch) -> str:
    """Alice may sign in and report events."""
    alice = factories.user(EMAIL)
    _, token = tokens.create(alice, "bench", ["events"])
    db.session.remove()
    monkeypatch.setenv(load.TOKEN, token)
    monkeypatch.setenv(load.PASSWORD, factories.PASSWORD)
    return token


def test_every_kind_is_sent_timed_and_shown(
    bench_token: str, database_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(database_file, tmp_path / "log", BASE_URL="http://127.0.0.1") as server:
        assert load.main([server.url, *LITTLE]) == 0
    shown = capsys.readouterr()
    for kind in ("events", "pages", "polls"):
        assert re.search(rf"^{kind} +8\.0( +[\d,.]+){{4}} +0$", shown.out, re.MULTILINE), shown.out
    assert " of 0.5 s: 4 events, 4 pages, 4 polls, 0 failed" in shown.err
    assert "2 streams open, 0 refused" in shown.out


def test_failures_are_counted_named_and_end_with_1(
    bench_token: str,
    database_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(load.TOKEN, "bh_wrong")
    with serving(database_file, tmp_path / "log", BASE_URL="http://127.0.0.1") as server:
        assert load.main([server.url, *LITTLE]) == 1
        monkeypatch.setenv(load.PASSWORD, "wrong")
        assert load.main([server.url, *LITTLE]) == 2
    shown = capsys.readouterr()
    assert re.search(r"^events .* 4  \(401\)$", shown.out, re.MULTILINE), shown.out
    assert "cannot sign in (status 422)" in shown.err


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (("https://bellhop.example.com", "--email", EMAIL), "--another-machine"),
        (("http://10.0.0.1", "--email", EMAIL), "--another-machine"),
        (("127.0.0.1:5000", "--email", EMAIL), "http://127.0.0.1:5000"),
        (("http://127.0.0.1:5000",), "--email"),
        (("http://127.0.0.1:5000", "--email", EMAIL, "--streams", "11"), "10 streams"),
    ],
)
def test_a_load_that_does_not_fit_is_refused_with_the_remedy(
    arguments: tuple[str, ...], advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(load.TOKEN, "bh_token")
    with pytest.raises(load.LoadError, match=re.escape(advice)):
        load.run(load.parse(arguments))


def test_events_need_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(load.TOKEN, raising=False)
    with pytest.raises(load.LoadError, match=load.TOKEN):
        load.run(load.parse(["http://127.0.0.1:5000", "--email", EMAIL]))

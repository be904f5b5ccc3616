"""Settings come from the environment, are checked at the start, and are refused in words."""

from __future__ import annotations

import stat
from multiprocessing.pool import ThreadPool
from pathlib import Path

import pytest

import config


def loaded(**env: str) -> dict[str, object]:
    return config.load({"SECRET_KEY": "k", **env})


@pytest.mark.parametrize(
    ("env", "address"),
    [
        ({}, "http://127.0.0.1:5000"),
        ({"PORT": "8080"}, "http://127.0.0.1:8080"),
        ({"HOST": "0.0.0.0"}, "http://127.0.0.1:5000"),
        ({"HOST": "::1"}, "http://[::1]:5000"),
        ({"BASE_URL": "https://bellhop.example.com/"}, "https://bellhop.example.com"),
    ],
)
def test_links_use_a_url_that_a_browser_can_open(env: dict[str, str], address: str) -> None:
    assert loaded(**env)["BASE_URL"] == address


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BASE_URL", "bellhop"),
        ("DATABASE_URL", "mysql://localhost/x"),
        ("DATABASE_URL", "not a url"),
        ("DATABASE_URL", "sqlite://"),
        ("EMAIL_PORT", "smtp"),
        ("EMAIL_PORT", "70000"),
        ("EMAIL_USE_TLS", "maybe"),
        ("BELLHOP_DEMO", "2"),
        ("BELLHOP_WORKERS", "0"),
        ("REDIS_URL", "localhost:6379"),
    ],
)
def test_an_invalid_setting_stops_the_start_with_its_name(name: str, value: str) -> None:
    with pytest.raises(config.ConfigError, match=name):
        loaded(**{name: value})


def test_every_postgresql_url_uses_the_pinned_driver() -> None:
    for scheme in ("postgres", "postgresql", "postgresql+psycopg2"):
        url = loaded(DATABASE_URL=f"{scheme}://me@host/name")["SQLALCHEMY_DATABASE_URI"]
        assert str(url) == "postgresql+psycopg://me@host/name"


def test_the_first_start_generates_a_secret_key_for_all_processes(tmp_path: Path) -> None:
    env = {"DATABASE_URL": f"sqlite:///{tmp_path}/bellhop.db"}
    with ThreadPool(8) as pool:
        keys = set(pool.map(lambda _: config.load(env)["SECRET_KEY"], range(16)))
    assert len(keys) == 1
    assert len(keys.pop()) >= 32
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]

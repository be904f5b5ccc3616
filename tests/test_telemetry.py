"""Errors and traces go where settings say, without what names people or opens links."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

import config
from tests.support.collector import Collector, collecting
from tests.support.gunicorn import serving
from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[1]
KEY = "0123456789abcdef0123456789abcdef"
SETTINGS = ("SENTRY_DSN", "OTEL_EXPORTER_OTLP_ENDPOINT")
TRACE = "0af7651916cd43dd8448eb211c80319c"
# A page that fails, in a process of its own: Sentry's library stays where it was started.
FAILING = """
from flask import request
from app import create_app, telemetry

app = create_app()

@app.get("/setup/<token>/fails")
def fail(token):
    password = "planted-4"
    raise ValueError(f"no such link: {request.path}")

telemetry.start(app, "serve")
client = app.test_client()
client.get("/setup/planted-1/fails?q=planted-2", headers={"Cookie": "x=planted-3", "X-Request-ID": "one"})
telemetry.stop(app)
"""


@pytest.fixture
def collector() -> Collector:
    pytest.importorskip("sentry_sdk", reason="requirements-telemetry.txt is not installed")
    pytest.importorskip("opentelemetry.exporter", reason="requirements-telemetry.txt is not installed")
    with collecting() as running:
        yield running


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_without_its_package_stops_the_start_with_the_remedy(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "find_spec", lambda _name: None)
    value = {"SENTRY_DSN": "https://key@sentry.example/1"}.get(name, "http://127.0.0.1:4318")
    with pytest.raises(config.ConfigError) as refused:
        config.load({"SECRET_KEY": KEY, name: value})
    (sentence,) = str(refused.value).splitlines()
    assert sentence.startswith(f"{name} needs ")
    assert "pip install -r requirements-telemetry.txt" in sentence


def test_a_server_sends_its_requests_and_jobs_but_no_path(
    collector: Collector, database_file: Path, tmp_path: Path
) -> None:
    trace = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
    with serving(database_file, tmp_path / "log", **collector.settings) as server:
        for path in ("/sign-in?email=planted-1", "/unsubscribe/planted-2", "/planted-3"):
            asked = urllib.request.Request(f"{server.url}{path}", headers={"Host": "bellhop.test", **trace})
            try:
                urllib.request.urlopen(asked, timeout=20).close()
            except urllib.error.HTTPError as error:
                error.close()
        server.master.send_signal(signal.SIGTERM)
        assert server.master.wait(10) == 0, "the last spans are sent in time"
    spans = collector.spans()
    requests = {name: found for name, found in spans if found["trace"] == TRACE}
    assert set(requests) == {"GET /sign-in", "GET /unsubscribe/<token>", "No route"}
    assert requests["GET /sign-in"]["http.response.status_code"] == 200
    assert requests["No route"]["http.response.status_code"] == 404
    assert {found["bellhop.role"] for _, found in spans} == {"serve"}
    assert "job deliver" in {name for name, _ in spans}
    assert not any(b"planted" in body for _, body in collector.bodies)


@pytest.mark.parametrize(("role", "job"), [("worker", "job deliver"), ("scheduler", "job announcements")])
def test_a_worker_and_a_scheduler_without_a_server_send_their_jobs(
    collector: Collector, database_file: Path, role: str, job: str
) -> None:
    environment = {"DATABASE_URL": f"sqlite:///{database_file}", "SECRET_KEY": KEY, **collector.settings}
    # A short delay between two batches, which the first span ends.
    environment["OTEL_BSP_SCHEDULE_DELAY"] = "100"
    command = [sys.executable, "-m", "flask", role]
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | environment) as running:
        wait_until(collector.spans)
        running.send_signal(signal.SIGTERM)
        assert running.wait(10) == 0, "the last spans are sent in time"
    spans = collector.spans()
    assert job in {name for name, _ in spans}
    assert {found["bellhop.role"] for _, found in spans} == {role}


def test_an_error_is_reported_without_tokens_queries_cookies_and_variables(
    collector: Collector, database_file: Path
) -> None:
    environment = {"DATABASE_URL": f"sqlite:///{database_file}", "SECRET_KEY": KEY, **collector.settings}
    done = subprocess.run(
        [sys.executable, "-c", FAILING],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    reported = collector.envelopes()
    assert "GET /setup/[hidden]/fails failed" in reported
    assert "no such link: /setup/[hidden]/fails" in reported
    assert '"role":"serve"' in reported.replace(" ", "")
    assert '"request_id":"one"' in reported.replace(" ", "")
    ((name, span),) = collector.spans()
    assert (name, span["failed"], span["bellhop.request_id"]) == ("GET /setup/<token>/fails", True, "one")
    assert "planted-4" in FAILING
    assert not any(f"planted-{number}" in reported for number in (1, 2, 3))
    assert '"vars"' not in reported


def test_a_collector_that_is_away_stops_nothing(
    collector: Collector, database_file: Path, tmp_path: Path
) -> None:
    away = {
        name: value.replace(str(collector.server_port), "9") for name, value in collector.settings.items()
    }
    with serving(database_file, tmp_path / "log", **away) as server:
        with urllib.request.urlopen(f"{server.url}/healthz", timeout=5) as answer:
            assert answer.status == 200
        server.master.send_signal(signal.SIGTERM)
        assert server.master.wait(10) == 0

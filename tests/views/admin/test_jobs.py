"""The schedule as admins see it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from flask import Flask
from flask.testing import FlaskClient

from app import jobs
from app.clock import utc_now
from app.models import User
from app.services.operations import job_runs
from tests.support.waiting import wait_until

SignIn = Callable[[User], FlaskClient]


def test_the_page_shows_the_last_and_next_run_of_each_job(bob: User, sign_in: SignIn) -> None:
    now = utc_now()
    ok = job_runs.begin("daily-digest", now - timedelta(minutes=20), "me", now - timedelta(minutes=20))
    bad = job_runs.begin("retention", now, "me")
    assert ok
    assert bad
    job_runs.finish(ok, 1234, now - timedelta(minutes=20) + timedelta(seconds=2.5))
    job_runs.fail(bad, "OSError: disk <full>")
    page = sign_in(bob).get("/admin/jobs").text
    assert all(name in page for name in jobs.SCHEDULE)
    assert "1,234 processed" in page
    assert "2.5 s" in page
    assert "OSError: disk &lt;full&gt;" in page
    assert jobs.SCHEDULE["retention"].next_at(now).isoformat(timespec="seconds") in page


def test_the_page_warns_when_the_scheduler_is_not_running(bob: User, sign_in: SignIn) -> None:
    client = sign_in(bob)
    assert "The scheduler isn't running" in client.get("/admin/jobs").text
    job_runs.record_frequent_run("sweep", utc_now(), 0)
    assert "The scheduler isn't running" not in client.get("/admin/jobs").text


def test_run_now_starts_the_job(app: Flask, bob: User, sign_in: SignIn) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    client = sign_in(bob)
    assert client.post("/admin/jobs/retention/runs").status_code == 303
    assert "Queued" in client.get("/admin/jobs").text
    scheduler = jobs.start(app, ["sweep", "retention"])
    try:
        wait_until(lambda: state("retention") == "succeeded", 5)
    finally:
        scheduler.stop()


def state(name: str) -> str:
    row = job_runs.latest(name)
    return row.state if row else ""


def test_the_page_is_for_admins_and_known_jobs_only(
    app: Flask, alice: User, bob: User, client: FlaskClient, sign_in: SignIn
) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    for method, path in (("get", "/admin/jobs"), ("post", "/admin/jobs/sweep/runs")):
        assert getattr(client, method)(path).status_code == 302
        assert getattr(sign_in(alice), method)(path).status_code == 403
    assert sign_in(bob).post("/admin/jobs/nonsense/runs").status_code == 404
    assert sign_in(bob).get("/admin/jobs/sweep/runs").status_code == 405

"""The schedule as admins see it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import jobs
from app.clock import utc_now
from app.models import User
from app.services.operations import job_runs
from app.views.presenters import job_rows
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
    assert "1,234 created" in page
    assert "OSError: disk &lt;full&gt;" in page
    assert jobs.SCHEDULE["retention"].next_at(now).isoformat(timespec="seconds") in page
    assert "Last ran 20 min ago, every 15 minutes" in page


def test_a_job_has_a_history(bob: User, alice: User, sign_in: SignIn) -> None:
    now = utc_now()
    for minutes, count in ((45, 0), (30, 12)):
        began_at = now - timedelta(minutes=minutes)
        run = job_runs.begin("daily-digest", began_at, "me", began_at)
        job_runs.finish(run, count, began_at + timedelta(seconds=2.5))
    job_runs.fail(job_runs.begin("daily-digest", now, "me"), "OSError: disk <full>")
    job_runs.record_frequent_run("sweep", now, 0)
    page = sign_in(bob).get("/admin/jobs/daily-digest").text
    assert page.index("OSError: disk &lt;full&gt;") < page.index("12 created") < page.index("Nothing to do")
    assert page.count("2.5 s") == 2
    assert page.count('<li class="item">') == 3
    assert sign_in(alice).get("/admin/jobs/daily-digest").status_code == 403
    assert sign_in(bob).get("/admin/jobs/nonsense").status_code == 404
    assert "has not run yet" in sign_in(bob).get("/admin/jobs/weekly-summary").text


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(seconds=-3), "0 s ago"),
        (timedelta(seconds=20), "20 s ago"),
        (timedelta(minutes=59, seconds=59), "59 min ago"),
        (timedelta(hours=5), "5 h ago"),
        (timedelta(days=1), "1 day ago"),
    ],
)
def test_the_time_since_a_run_is_short(app: Flask, span: timedelta, text: str) -> None:
    assert job_rows.ago(span) == text


def test_the_page_warns_when_the_scheduler_is_not_running(bob: User, sign_in: SignIn) -> None:
    client = sign_in(bob)
    assert "The scheduler isn't running" in client.get("/admin/jobs").text
    job_runs.record_frequent_run("sweep", utc_now(), 0)
    assert "Everything runs on time. The last check was 0 s ago." in client.get("/admin/jobs").text


def test_run_now_starts_the_job(app: Flask, bob: User, sign_in: SignIn) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    client = sign_in(bob)
    assert client.post("/admin/jobs/retention/runs").status_code == 303
    assert "Queued" in client.get("/admin/jobs").text
    scheduler = jobs.start(app, ["sweep", "retention"])
    try:
        wait_until(lambda: state("retention") == "succeeded")
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

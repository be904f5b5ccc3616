"""Liveness, readiness and metrics."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from app.clock import utc_now
from app.database.base import db
from app.models import DeliveryAttempt
from app.services.operations import job_runs
from tests.support import factories


def test_a_running_process_is_healthy_without_a_database(client, monkeypatch):
    monkeypatch.delattr(type(db), "engine")
    assert client.get("/healthz").json == {"status": "ok"}


def test_a_migrated_database_is_ready(client):
    response = client.get("/readyz")
    assert (response.status_code, response.json) == (200, {"status": "ok"})
    assert response.headers["Cache-Control"] == "no-store"


def set_version(number):
    db.session.execute(text("UPDATE alembic_version SET version_num = :number"), {"number": number})
    db.session.commit()


def test_a_database_of_an_older_version_is_not_ready(client):
    set_version("0001")
    response = client.get("/readyz")
    assert response.status_code == 503
    assert "flask db upgrade" in response.json["detail"]


def test_a_database_of_an_unknown_version_is_not_ready(client):
    set_version("abcd")
    response = client.get("/readyz")
    assert response.status_code == 503
    assert "does not know that migration" in response.json["detail"]


def test_a_database_of_a_newer_version_is_ready_and_logged_once(client, caplog):
    set_version("9003")
    for _ in range(3):
        response = client.get("/readyz")
        assert response.status_code == 200
        assert "9003) is newer than this version" in response.json["detail"]
    (record,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert "flask db downgrade" in record.getMessage()


def test_an_unresponsive_database_is_not_ready(client, database_file):
    db.session.remove()
    db.engine.dispose()
    for part in database_file.parent.glob(f"{database_file.name}*"):
        part.unlink()
    database_file.mkdir()
    response = client.get("/readyz")
    assert response.status_code == 503
    assert "does not respond" in response.json["detail"]


def test_metrics_report_open_deliveries_attempts_and_jobs(client, alice):
    now = utc_now()
    row = factories.notification(alice)
    factories.delivery(row, due_at=now - timedelta(minutes=5))
    factories.delivery(row, "sms", state="retry_wait", due_at=now + timedelta(minutes=5))
    sent = factories.delivery(row, "push", state="sent")
    db.session.add(
        DeliveryAttempt(delivery_id=sent.id, number=1, started_at=now, finished_at=now, outcome="sent")
    )
    db.session.commit()
    job_runs.record_frequent_run("deliver", now, 0, "out of luck")
    response = client.get("/metrics")
    assert response.content_type == "text/plain; version=0.0.4; charset=utf-8"
    lines = [line.rsplit(" ", 1) for line in response.text.splitlines() if not line.startswith("#")]
    metrics = {name: float(value) for name, value in lines}
    assert 300 <= metrics.pop("bellhop_delivery_overdue_seconds") < 400
    assert metrics.pop('bellhop_job_last_start_seconds{job="deliver"}') == pytest.approx(
        now.timestamp(), abs=0.01
    )
    assert metrics == {
        'bellhop_deliveries_open{channel="email",state="pending"}': 1,
        'bellhop_deliveries_open{channel="sms",state="retry_wait"}': 1,
        'bellhop_recent_attempts{channel="push",outcome="sent"}': 1,
        'bellhop_job_failures{job="deliver"}': 1,
        "bellhop_streams_open": 0,
    }


def test_nothing_is_overdue_when_nothing_waits(any_app):
    assert "\nbellhop_delivery_overdue_seconds 0.0\n" in any_app.test_client().get("/metrics").text

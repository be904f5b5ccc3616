"""Alive and ready are two questions."""

from __future__ import annotations

from sqlalchemy import text

from app.extensions import db


def test_a_living_process_says_so_also_without_a_database(client, monkeypatch):
    monkeypatch.delattr(type(db), "engine")
    assert client.get("/healthz").json == {"status": "ok"}


def test_a_migrated_database_is_ready(client):
    response = client.get("/readyz")
    assert (response.status_code, response.json) == (200, {"status": "ok"})
    assert response.headers["Cache-Control"] == "no-store"


def test_a_database_of_another_version_is_not_ready(client):
    db.session.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    db.session.commit()
    response = client.get("/readyz")
    assert response.status_code == 503
    assert "flask db upgrade" in response.json["detail"]


def test_a_database_that_does_not_answer_is_not_ready(client, database_file):
    db.session.remove()
    db.engine.dispose()
    for part in database_file.parent.glob(f"{database_file.name}*"):
        part.unlink()
    database_file.mkdir()
    response = client.get("/readyz")
    assert response.status_code == 503
    assert "does not answer" in response.json["detail"]

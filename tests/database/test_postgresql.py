"""The settings of connections to PostgreSQL."""

from __future__ import annotations

from datetime import UTC

from flask import Flask
from sqlalchemy import select, text

from app.database.base import db
from app.database.compiled import CompiledStatement
from app.models import User
from tests.support import factories


def test_instants_are_in_utc_whatever_the_time_zone_of_the_server(pg_app: Flask) -> None:
    factories.user("alice@example.test")
    name = db.engine.url.database
    db.session.execute(text(f"ALTER DATABASE {name} SET timezone = 'Asia/Tokyo'"))
    db.session.commit()
    db.session.remove()
    db.engine.dispose()
    (compiled,) = CompiledStatement(select(User.created_at)).fetch()
    loaded = db.session.scalars(select(User)).one()
    assert compiled.created_at.tzinfo is UTC
    assert loaded.created_at.tzinfo is UTC
    assert compiled.created_at == loaded.created_at

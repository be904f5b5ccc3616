"""Rows that PostgreSQL gets as JSON are those that would be inserted one by one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert, select
from sqlalchemy.exc import DataError

from app.database.base import Base, db
from app.database.compiled import CompiledStatement
from app.database.json_rows import as_json, rows_of
from tests.support import factories

NOTIFICATIONS = Base.metadata.tables["notifications"]
ROW: dict[str, Any] = {
    "notification_type": "job_created",
    "category": "job",
    "title": "New \"job\": 日本 \u2028 'a' \\",
    "message": "Line\n\ttwo",
    "priority": "low",
    "status": "sent",
    "channels": ["in_app", "email"],
    "metadata": {"a": {"b": [1, 2.5, None, True, "Ingénieure"]}},
    "action_url": "",
    "facts": {},
    "hiring_team": [],
    "routed_by": "named",
    "stack_key": "a b",
    "created_at": datetime(2030, 3, 12, 14, 0, 1, 5, tzinfo=UTC),
    "is_confidential": True,
    "interview_sequence": 3,
    "expires_at": None,
    "words": "new job",
}


def insert_as_json(*rows: dict[str, Any]) -> None:
    columns = list(rows[0])
    query = select(rows_of(NOTIFICATIONS, columns, "rows"))
    CompiledStatement(insert(NOTIFICATIONS).from_select(columns, query)).fetch(rows=as_json(rows))


def test_values_of_every_type_are_stored(pg_app: Flask) -> None:
    row = ROW | {"recipient_id": factories.user("alice@example.test").id}
    insert_as_json(row, row)
    stored = db.session.execute(select(*(NOTIFICATIONS.c[name] for name in row))).mappings()
    assert [dict(found) for found in stored] == [row, row]


def test_a_text_that_is_too_long_is_refused_instead_of_cut(pg_app: Flask) -> None:
    row = ROW | {"recipient_id": factories.user("alice@example.test").id}
    with pytest.raises(DataError, match="too long"):
        insert_as_json(row | {"title": "x" * 256})


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        as_json([{"created_at": ROW["created_at"].replace(tzinfo=None)}])


def test_an_instant_inside_a_json_column_is_refused_as_on_sqlite() -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        as_json([{"metadata": {"at": ROW["created_at"]}}])

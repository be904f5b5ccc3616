"""Rows that are inserted at once are those that would be inserted one by one, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, insert, select
from sqlalchemy.exc import DataError, IntegrityError

from app.database.base import Base, db
from app.database.inserts import CompiledInsert
from tests.support import factories

NOTIFICATIONS, EVENTS = (Base.metadata.tables[name] for name in ("notifications", "events"))
EVENT: dict[str, Any] = {
    "source": "/test",
    "external_id": "e1",
    "type": "job.created",
    "occurred_at": datetime(2030, 3, 12, 14, tzinfo=UTC),
    "received_at": datetime(2030, 3, 12, 14, 0, 1, 5, tzinfo=UTC),
    "data": {"job_title": "Ingénieure \u2028 'a' \\", "n": [1, 2.5, None, True]},
}
INSERT_EVENTS = CompiledInsert(insert(EVENTS).returning(EVENTS.c.external_id, EVENTS.c.id), EVENT)


def events(count: int) -> list[dict[str, Any]]:
    return [EVENT | {"external_id": f"e{number}"} for number in range(count)]


@pytest.mark.parametrize("count", [1, 2, 500])
def test_rows_and_what_is_returned_of_them_are_as_inserted(any_app: Flask, count: int) -> None:
    returned = INSERT_EVENTS.run(events(count))
    ids = {row.external_id: row.id for row in returned}
    assert len(ids) == count
    stored = db.session.execute(select(EVENTS).order_by(EVENTS.c.id)).mappings().all()
    assert sorted(map(dict, stored), key=lambda row: row["id"]) == sorted(
        (row | {"id": ids[row["external_id"]]} for row in events(count)), key=lambda row: row["id"]
    )
    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(EVENTS)) == 0


def test_every_type_is_stored_alike_in_one_row_and_in_several(any_app: Flask) -> None:
    alice = factories.user("alice@example.test")
    row = {
        "recipient_id": alice.id,
        "notification_type": "job_created",
        "category": "job",
        "title": 'New "job": 日本',
        "message": "Line\n\ttwo",
        "priority": "low",
        "status": "sent",
        "channels": ["in_app", "email"],
        "metadata": {"a": {"b": [1, "c"]}},
        "action_url": "",
        "facts": {},
        "hiring_team": [],
        "routed_by": "named",
        "stack_key": "a b",
        "created_at": datetime(2030, 3, 12, 14, tzinfo=UTC),
        "is_confidential": True,
        "interview_sequence": 3,
        "expires_at": None,
        "words": "new job",
    }
    inserts = CompiledInsert(insert(NOTIFICATIONS), row)
    assert inserts.run([row]) == []
    assert inserts.run([row] * 2) == []
    columns = [NOTIFICATIONS.c[name] for name in row]
    first, *others = db.session.execute(select(*columns).order_by(NOTIFICATIONS.c.id)).all()
    assert dict(first._mapping) == row
    assert others == [first, first]


def test_rows_that_cannot_be_stored_are_refused(any_app: Flask) -> None:
    with pytest.raises(IntegrityError):
        INSERT_EVENTS.run([EVENT, EVENT])
    db.session.rollback()
    with pytest.raises(ValueError, match="no time zone"):
        INSERT_EVENTS.run(
            [row | {"received_at": EVENT["received_at"].replace(tzinfo=None)} for row in events(2)]
        )


def test_postgresql_refuses_a_text_that_is_too_long_instead_of_cutting_it(pg_app: Flask) -> None:
    with pytest.raises(DataError, match="too long"):
        INSERT_EVENTS.run([row | {"type": "x" * 101} for row in events(2)])

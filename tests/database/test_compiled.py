"""Compiled statements behave like those that SQLAlchemy runs, on both databases."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, time

import pytest
from flask import Flask
from sqlalchemy import JSON, bindparam, insert, literal_column, select, text, type_coerce, update
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from app.database.base import Base, db
from app.database.compiled import CompiledStatement
from app.models import Event
from tests.support import factories

USERS, PREFERENCES, EVENTS = (
    Base.metadata.tables[name] for name in ("users", "user_notification_preferences", "events")
)
BY_EMAIL = (
    select(USERS, *(column for column in PREFERENCES.c if not column.primary_key))
    .join(PREFERENCES, PREFERENCES.c.user_id == USERS.c.id)
    .where(USERS.c.email == bindparam("email"))
)
EVENT = {
    "source": "/test",
    "external_id": "e1",
    "type": "job.created",
    "occurred_at": datetime(2030, 3, 12, 14, tzinfo=UTC),
    "received_at": datetime(2030, 3, 12, 14, 0, 1, 5, tzinfo=UTC),
    "data": {"job_title": "Ingénieure", "n": [1, None]},
}


def test_rows_equal_those_of_sqlalchemy_for_every_type(any_app: Flask) -> None:
    user = factories.user("alice@example.test", time_zone="Asia/Kathmandu")
    user.preference.matrix, user.preference.quiet_start = {"job": {"sms": False}}, time(22, 15)
    user.preference.paused_until = datetime(2030, 1, 1, 0, 0, 0, 7, tzinfo=UTC)
    db.session.commit()
    (row,) = CompiledStatement(BY_EMAIL).fetch(email="alice@example.test")
    expected = db.session.execute(BY_EMAIL, {"email": "alice@example.test"}).one()
    assert tuple(row) == tuple(expected)
    assert row._fields == tuple(expected._fields)
    assert (row.matrix, row.quiet_start) == ({"job": {"sms": False}}, time(22, 15))
    assert CompiledStatement(BY_EMAIL).fetch(email="nobody@example.test") == []


def test_writes_are_committed_and_rolled_back_with_the_session(any_app: Flask) -> None:
    once = CompiledStatement(insert(EVENTS).returning(EVENTS.c.id), EVENT)
    (first,) = once.fetch(**EVENT)
    db.session.rollback()
    assert db.session.get(Event, first.id) is None
    (second,) = once.fetch(**EVENT)
    CompiledStatement(insert(EVENTS), EVENT).execute_many(
        [EVENT | {"external_id": f"m{n}"} for n in range(3)]
    )
    CompiledStatement(
        update(EVENTS).where(EVENTS.c.id == bindparam("one")).values(type="system.alert")
    ).fetch(one=second.id)
    db.session.commit()
    row = db.session.execute(select(EVENTS).where(EVENTS.c.id == second.id)).one()
    assert dict(row._mapping) == EVENT | {"id": second.id, "type": "system.alert"}
    assert len(db.session.execute(select(EVENTS)).all()) == 4


@pytest.mark.parametrize("count", [1, 2, 500])
def test_sqlite_returns_columns_of_all_inserted_rows(app: Flask, count: int) -> None:
    rows = [EVENT | {"external_id": f"e{number}", "data": {"n": number % 2}} for number in range(count)]
    insert_all = CompiledStatement(insert(EVENTS).returning(EVENTS.c.external_id, EVENTS.c.id), EVENT)
    ids = {row.external_id: row.id for row in insert_all.execute_many(rows)}
    stored = db.session.execute(select(EVENTS).order_by(EVENTS.c.id)).mappings()
    assert [dict(row) for row in stored] == [row | {"id": ids[row["external_id"]]} for row in rows]


def test_errors_are_those_of_sqlalchemy(any_app: Flask) -> None:
    once = CompiledStatement(insert(EVENTS), EVENT)
    once.fetch(**EVENT)
    with pytest.raises(IntegrityError):
        once.fetch(**EVENT)
    db.session.rollback()
    with pytest.raises(KeyError):
        once.fetch(source="/test")


def test_a_read_returns_its_connection_at_once(any_app: Flask) -> None:
    db.session.remove()
    assert CompiledStatement(BY_EMAIL).fetch(email="nobody@example.test") == []
    assert db.engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # of the pools that count


def test_a_read_sees_what_its_transaction_has_written(any_app: Flask) -> None:
    factories.user("alice@example.test")
    db.session.remove()
    db.session.execute(update(USERS).values(name="Renamed"))
    assert [row.name for row in CompiledStatement(BY_EMAIL).fetch(email="alice@example.test")] == ["Renamed"]
    db.session.rollback()
    assert [row.name for row in CompiledStatement(BY_EMAIL).fetch(email="alice@example.test")] != ["Renamed"]


def test_a_read_joins_the_transaction_that_the_session_is_bound_to(any_app: Flask) -> None:
    factories.user("alice@example.test")
    db.session.remove()
    with db.engine.begin() as connection:
        db.session(bind=connection, join_transaction_mode="create_savepoint")
        db.session.execute(update(USERS).values(name="Renamed"))
        db.session.commit()
        (row,) = CompiledStatement(BY_EMAIL).fetch(email="alice@example.test")
        assert row.name == "Renamed"
    db.session.remove()


def test_a_read_that_fails_raises_the_error_of_sqlalchemy_and_keeps_no_connection(any_app: Flask) -> None:
    db.session.remove()
    broken = CompiledStatement(select(literal_column("1").label("one")).select_from(text("no_such_table")))
    for _ in range(2):
        with pytest.raises(DBAPIError, match="no_such_table"):
            broken.fetch()
    assert db.engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # of the pools that count
    assert CompiledStatement(BY_EMAIL).fetch(email="nobody@example.test") == []


def test_a_write_waits_for_the_lock(app: Flask) -> None:
    db.session.execute(db.text("PRAGMA busy_timeout = 50"))
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with app.app_context():
            CompiledStatement(insert(EVENTS), EVENT).fetch(**EVENT)
            held.set()
            done.wait(10)
            db.session.rollback()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(10)
    with pytest.raises(OperationalError, match="locked"):
        CompiledStatement(insert(EVENTS), EVENT).fetch(**EVENT | {"external_id": "e2"})
    done.set()
    thread.join(10)


def test_a_number_in_a_json_column_is_read(app: Flask) -> None:
    number = type_coerce(literal_column("5"), JSON)
    assert CompiledStatement(select(number.label("number"))).fetch()[0].number == 5
    assert db.session.scalar(select(number)) == 5

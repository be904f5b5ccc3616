"""Compiled statements that run through libpq on PostgreSQL."""

from __future__ import annotations

import psycopg
import pytest
from flask import Flask
from sqlalchemy import bindparam, event, select, text, update
from sqlalchemy.exc import DBAPIError, OperationalError

from app.database import libpq
from app.database.base import Base, db
from app.database.compiled import CompiledStatement

USERS = Base.metadata.tables["users"]


def by_id() -> CompiledStatement:
    return CompiledStatement(select(USERS.c.name).where(USERS.c.id == bindparam("user_id")))


def prepared() -> list[str]:
    found = db.session.scalars(
        text("SELECT statement FROM pg_prepared_statements WHERE name LIKE 'bellhop%' ORDER BY prepare_time")
    )
    return list(found)


def test_a_statement_is_prepared_once_whatever_its_values_and_rollbacks(pg_app: Flask) -> None:
    statement = by_id()
    db.session.execute(text("SELECT 1"))
    for user_id in (1, 40_000, 2**40):
        assert statement.fetch(user_id=user_id) == []
        db.session.execute(update(USERS).values(name="Renamed"))
        db.session.rollback()
        db.session.execute(text("SELECT 1"))
    assert len(prepared()) == 1


def test_prepared_statements_survive_a_rollback_after_many_rows(pg_app: Flask) -> None:
    statement, change = by_id(), update(USERS).where(USERS.c.id == bindparam("one")).values(role="admin")
    rows = [{"one": number} for number in range(libpq.FEW_ROWS + 1)]
    db.session.execute(text("SELECT 1"))
    statement.fetch(user_id=1)
    # psycopg prepares a statement that runs for many rows, and deallocates all of them with a ROLLBACK.
    CompiledStatement(change).execute_many(rows)
    db.session.connection().execute(change, rows)
    db.session.rollback()
    db.session.execute(text("SELECT 1"))
    assert statement.fetch(user_id=1) == []
    assert len(prepared()) == 1


def test_the_oldest_prepared_statement_is_dropped(pg_app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libpq, "MAX_PREPARED", 2)
    db.session.execute(text("SELECT 1"))
    for column in ("name", "email", "role", "locale"):
        CompiledStatement(select(USERS.c[column])).fetch()
    assert [statement.split()[1] for statement in prepared()] == ["users.role", "users.locale"]


@pytest.mark.parametrize("is_in_transaction", [True, False])
def test_a_statement_that_the_server_forgot_is_prepared_again(pg_app: Flask, is_in_transaction: bool) -> None:
    statement = by_id()
    db.session.execute(text("SELECT 1"))
    statement.fetch(user_id=1)
    db.session.execute(text("DEALLOCATE ALL"))
    if not is_in_transaction:
        db.session.rollback()
    with pytest.raises(DBAPIError, match="does not exist"):
        statement.fetch(user_id=1)
    db.session.rollback()
    db.session.execute(text("SELECT 1"))
    assert statement.fetch(user_id=1) == []


def test_a_lost_connection_is_an_outage_and_is_replaced(pg_app: Flask) -> None:
    statement = by_id()
    db.session.remove()
    statement.fetch(user_id=1)
    with db.engine.connect() as other, db.engine.connect() as killer:
        killed = other.connection.driver_connection.info.backend_pid
        killer.execute(text(f"SELECT pg_terminate_backend({killed}, 5000)"))
        db.session(bind=other)
        with pytest.raises(OperationalError) as caught:
            statement.fetch(user_id=1)
        assert caught.value.connection_invalidated
    db.session.remove()
    assert statement.fetch(user_id=1) == []


def test_a_lost_connection_of_the_pool_is_an_outage_and_is_replaced(pg_app: Flask) -> None:
    statement = by_id()
    db.session.remove()
    with db.engine.connect() as killer:
        with db.engine.connect() as other:
            killed = other.connection.driver_connection.info.backend_pid
        statement.fetch(user_id=1)
        killer.execute(text(f"SELECT pg_terminate_backend({killed}, 5000)"))
        with pytest.raises(OperationalError) as caught:
            statement.fetch(user_id=1)
        assert caught.value.connection_invalidated
        assert statement.fetch(user_id=1) == []
    assert db.engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # of the pools that count


def test_a_read_that_cannot_connect_is_an_outage_and_takes_no_connection(pg_app: Flask) -> None:
    def refuse(*_arguments: object) -> None:
        raise psycopg.OperationalError("connection refused")

    statement = by_id()
    db.session.remove()
    with db.engine.connect() as connection:
        connection.invalidate()
    event.listen(db.engine, "do_connect", refuse)
    with pytest.raises(OperationalError, match="refused"):
        statement.fetch(user_id=1)
    event.remove(db.engine, "do_connect", refuse)
    assert db.engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # of the pools that count
    assert statement.fetch(user_id=1) == []

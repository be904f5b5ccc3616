"""Errors that mean that the database cannot work now, and errors that mean a wrong statement."""

from __future__ import annotations

import sqlite3

import pytest
from sqlalchemy.exc import DBAPIError

from app.services.base import outages


def sqlite_error(code: int, text: str = "") -> DBAPIError:
    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode = code
    return DBAPIError("SELECT 1", None, error)


def postgresql_error(state: str) -> DBAPIError:
    error = Exception()
    error.sqlstate = state  # type: ignore[attr-defined]
    return DBAPIError("SELECT 1", None, error)


# The last two are locked and full, with an extended code.
@pytest.mark.parametrize("code", [3, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 26, 5 | 1 << 8, 13 | 7 << 8])
def test_a_sqlite_file_that_cannot_be_used_is_an_outage(code: int) -> None:
    assert outages.is_outage(sqlite_error(code))


@pytest.mark.parametrize("code", [1, 2, 4, 12, 17, 18, 19, 20, 21, 23, 25])
def test_a_statement_that_sqlite_refuses_is_no_outage(code: int) -> None:
    assert not outages.is_outage(sqlite_error(code))
    assert outages.is_outage(sqlite_error(1, "no such table: users"))


STATES = ["08006", "40P01", "53300", "57P01", "58030", "55P03", "55006", "25006", "42P01", "3D000"]


@pytest.mark.parametrize("state", STATES)
def test_a_postgresql_that_cannot_work_is_an_outage(state: str) -> None:
    assert outages.is_outage(postgresql_error(state))


@pytest.mark.parametrize("state", ["42601", "42703", "23505", "22P02", "25001", "55000", "3F000", "0A000"])
def test_a_statement_that_postgresql_refuses_is_no_outage(state: str) -> None:
    assert not outages.is_outage(postgresql_error(state))

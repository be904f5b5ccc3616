"""Writing: one event at a time, and one event to a thousand people, against bare inserts of the same rows."""

from __future__ import annotations

import itertools
import sqlite3
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import delete, insert, select

from app.clock import utc_now
from app.database.base import Base, db
from app.models import User, UserNotificationPreference
from app.services.events import publish as event_publish
from bench.rounds import Case, migrated_app, scratch_folder

EVENTS, PEOPLE = 100, 1000
_numbers = itertools.count()


def create_by_event() -> Case:
    """One notification by event with its deliveries, durable, against one durable bare insert."""
    resources, _, folder = prepared(1)
    bare = _bare_table(resources, folder)

    def floor() -> float:
        started = time.perf_counter()
        for number in range(EVENTS):
            bare.execute("BEGIN IMMEDIATE")
            bare.execute(
                "INSERT INTO rows (text) VALUES (?)", (f"An interview was booked, number {number}.",)
            )
            bare.execute("COMMIT")
        return EVENTS / (time.perf_counter() - started)

    def ours() -> float:
        started = time.perf_counter()
        for _ in range(EVENTS):
            event_publish.publish(event(["p0@example.test"]))
        return EVENTS / (time.perf_counter() - started)

    return Case("event to one person / bare transaction, both synchronous=FULL", 0.3, ours, floor, resources)


def fan_out() -> Case:
    """One event to 1,000 people against a Core insert of the same notifications and deliveries."""
    resources, _, _ = prepared(PEOPLE)
    notifications, deliveries = Base.metadata.tables["notifications"], Base.metadata.tables["deliveries"]

    def ours() -> float:
        _empty(deliveries, notifications)
        started = time.perf_counter()
        event_publish.publish(event(None))
        return PEOPLE / (time.perf_counter() - started)

    ours()
    same_rows = _rows(notifications), _rows(deliveries)

    def floor() -> float:
        _empty(deliveries, notifications)
        started = time.perf_counter()
        db.session.execute(insert(notifications), same_rows[0])
        db.session.execute(insert(deliveries), same_rows[1])
        db.session.commit()
        return PEOPLE / (time.perf_counter() - started)

    return Case("event to 1,000 people / Core insert of the same rows, people", 0.3, ours, floor, resources)


def prepared(people: int) -> tuple[ExitStack, Flask, Path]:
    """An application on a scratch database with so many recruiters, its context pushed."""
    resources = ExitStack()
    folder = resources.enter_context(scratch_folder())
    app = migrated_app(folder)
    resources.enter_context(app.app_context())
    resources.callback(db.engine.dispose)
    db.session.add_all(
        User(email=f"p{n}@example.test", name=f"Person {n}", preference=UserNotificationPreference())
        for n in range(people)
    )
    db.session.commit()
    return resources, app, folder


def _bare_table(resources: ExitStack, folder: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
    resources.callback(connection.close)
    for pragma in ("journal_mode = WAL", "synchronous = FULL"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, text TEXT)")
    return connection


def event(recipients: list[str] | None) -> event_publish.IncomingEvent:
    """A new job, for these people or for everyone."""
    data = {"job_title": "Staff Data Engineer", "company_name": "Alder Robotics"}
    return event_publish.IncomingEvent(
        "/bench", f"e{next(_numbers)}", "job.created", utc_now(), data, recipients
    )


def _rows(table: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in db.session.execute(select(table)).mappings()]


def _empty(*tables: Any) -> None:
    for table in tables:
        db.session.execute(delete(table))
    db.session.commit()

"""Writing: one event at a time, and one event to a thousand people, against bare inserts of the same rows."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import Select, delete, insert, select

from app.clock import utc_now
from app.database.base import db
from app.database.writing import BULK, insert_ignore
from app.models import Delivery, Event, Notification, User, UserNotificationPreference
from app.services.events import publish as event_publish
from bench import filling, peer
from bench.rounds import Case, at_least, at_most, migrated, scratch_folder, served_database
from bench.tables import LARGE, table

EVENTS, PEOPLE = 100, 1000
_numbers = itertools.count()


def create_by_event() -> Case:
    """One event with its notification and deliveries, against one bare insert, both durable."""
    resources, bare = _one_person("sqlite")
    about = "event to one person / bare transaction, both synchronous=FULL"
    return Case(about, at_least(0.3), lambda: 1 / _publish(), lambda: 1 / _insert(bare), resources)


def event_cost(database: str) -> Case:
    """The same as costs, on either database."""
    resources, bare = _one_person(database)
    about = "event to one person / bare transaction, both durable, ms"
    limit = at_most({"sqlite": 4.1, "postgresql": 4.8}[database])
    return Case(about, limit, lambda: 1000 * _publish(), lambda: 1000 * _insert(bare), resources)


def _publish() -> float:
    """Publish events; returns seconds per event."""
    started = time.perf_counter()
    for _ in range(EVENTS):
        event_publish.publish(event(["p0@example.test"]))
    return (time.perf_counter() - started) / EVENTS


def _insert(bare: Any) -> float:
    started = time.perf_counter()
    for number in range(EVENTS):
        bare.execute("BEGIN")
        bare.execute(f"INSERT INTO bare (text) VALUES ('An interview was booked, number {number}.')")
        bare.execute("COMMIT")
    return (time.perf_counter() - started) / EVENTS


def fan_out() -> Case:
    """One event to 1,000 people against a Core insert of the same notifications and deliveries."""
    resources, _app, _folder = prepare_app(PEOPLE)
    about = "event to 1,000 people / Core insert of the same rows, people"
    return Case(about, at_least(0.3), _fan_out, _core_insert(), resources)


def fan_out_among_a_million() -> Case:
    """The same into a table of 1,000,000 rows."""
    about = "event to 1,000 people into 1,000,000 rows / Core insert of the same rows, people"
    resources = _large_table()
    return Case(about, at_least(0.5), _fan_out, _core_insert(), resources)


def fan_out_and_peer() -> Case:
    """The same against django-notifications-hq."""
    about = "event to 1,000 people into 1,000,000 rows / django-notifications-hq, people"
    url = peer.peer(LARGE, "sqlite").url
    return Case(about, at_least(1.5), _fan_out, lambda: peer.work("fanout", PEOPLE, url), _large_table())


def _large_table() -> ExitStack:
    """Push the application on the large table, with preferences for its thousand people."""
    resources = ExitStack()
    resources.enter_context(table(LARGE).app.app_context())
    resources.callback(db.session.remove)
    people = db.session.scalars(select(User.id)).all()
    db.session.execute(insert_ignore(UserNotificationPreference), [{"user_id": person} for person in people])
    db.session.commit()
    return resources


def _fan_out() -> float:
    """Publish an event to everyone; returns people per second. Its rows are deleted first, if it is not the first."""
    _delete_latest()
    started = time.perf_counter()
    event_publish.publish(event(None))
    return PEOPLE / (time.perf_counter() - started)


def _core_insert() -> Callable[[], float]:
    _fan_out()
    newest = db.session.scalars(select(Event.id).order_by(Event.id.desc()).limit(1)).one()
    own = select(Notification.id).where(Notification.event_id == newest)
    notifications = _rows(select(Notification.__table__).where(Notification.event_id == newest))
    deliveries = _rows(select(Delivery.__table__).where(Delivery.notification_id.in_(own)))

    def floor() -> float:
        _delete_latest()
        started = time.perf_counter()
        db.session.execute(insert(Notification.__table__), notifications)
        db.session.execute(insert(Delivery.__table__), deliveries)
        db.session.commit()
        return PEOPLE / (time.perf_counter() - started)

    return floor


def _delete_latest() -> None:
    """Delete what was inserted for events; the tables were filled without any."""
    own = select(Notification.id).where(Notification.event_id.is_not(None))
    db.session.execute(delete(Delivery).where(Delivery.notification_id.in_(own)), execution_options=BULK)
    db.session.execute(delete(Notification).where(Notification.event_id.is_not(None)), execution_options=BULK)
    db.session.commit()


def prepare_app(people: int, database: str = "sqlite") -> tuple[ExitStack, Flask, Path]:
    """Create an application on a scratch database with this many recruiters, its context pushed."""
    resources = ExitStack()
    folder = resources.enter_context(scratch_folder())
    url, _processes = resources.enter_context(served_database(folder, database))
    app = migrated(url)
    resources.enter_context(app.app_context())
    resources.callback(db.engine.dispose)
    db.session.add_all(
        User(email=f"p{n}@example.test", name=f"Person {n}", preference=UserNotificationPreference())
        for n in range(people)
    )
    db.session.commit()
    return resources, app, folder


def _one_person(database: str) -> tuple[ExitStack, Any]:
    """Prepare an application, and a connection to a bare table, on SQLite in a file of its own."""
    resources, _app, folder = prepare_app(1, database)
    is_file = database == "sqlite"
    url = (
        f"sqlite:///{folder / 'bare.db'}" if is_file else db.engine.url.render_as_string(hide_password=False)
    )
    bare = resources.enter_context(closing(filling.connect(url)))
    for pragma in ("journal_mode = WAL", "synchronous = FULL") if is_file else ():
        bare.execute(f"PRAGMA {pragma}")
    key = "INTEGER PRIMARY KEY" if is_file else "INTEGER PRIMARY KEY GENERATED ALWAYS AS IDENTITY"
    bare.execute(f"CREATE TABLE bare (id {key}, text TEXT)")
    return resources, bare


def event(recipients: list[str] | None) -> event_publish.IncomingEvent:
    """Build an event about a new job, for these people or for everyone."""
    data = {"job_title": "Staff Data Engineer", "company_name": "Alder Robotics"}
    return event_publish.IncomingEvent(
        "/bench", f"e{next(_numbers)}", "job.created", utc_now(), data, recipients
    )


def _rows(query: Select[Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in db.session.execute(query).mappings()]

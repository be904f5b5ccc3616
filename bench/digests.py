"""Daily digests of 10,000 people with 50 unread notifications each: settled, then worded and sent."""

from __future__ import annotations

import time
from contextlib import ExitStack
from datetime import datetime
from functools import partial

from sqlalchemy import delete, func, insert, select, text

from app import create_app
from app.catalog import DAILY_DIGEST
from app.clock import utc_now
from app.database.base import db
from app.models import Delivery, Digest, User, UserNotificationPreference
from app.services.digests import settle
from bench import filling
from bench.outbox import email_worker
from bench.rounds import Case, at_most
from bench.smtp import mail_server, prepared_email, send_prepared
from bench.tables import copy, filling_sources

PEOPLE, ROWS = 10_000, 500_000
CHUNK, DIGEST_BYTES = 100, 21_500


def settle_digests() -> Case:
    """Settle the digests of 10,000 people, against counting and inserting the same in SQL."""
    resources = _prepare()
    return Case(
        f"digests of {PEOPLE:,} people, settled / the same rows counted and inserted in SQL, seconds",
        at_most(1.15),
        _settle,
        _count_and_insert,
        resources,
        is_long=True,
    )


def send_digests() -> Case:
    """Word and send the digests of 10,000 people, against sending prepared bytes."""
    resources = _prepare()
    worker, port = email_worker(), mail_server()
    ready = prepared_email(DIGEST_BYTES)

    def send() -> float:
        _settle()
        started = time.perf_counter()
        worker.deliver_due(_tonight())
        seconds = time.perf_counter() - started
        sent = db.session.scalar(select(func.count()).select_from(Delivery).where(Delivery.state == "sent"))
        if sent != PEOPLE:
            raise RuntimeError(f"{sent} of {PEOPLE} digests were sent")
        return seconds

    return Case(
        f"digests of {PEOPLE:,} people, worded and sent / prepared bytes on one connection, seconds",
        at_most(3.5),
        send,
        lambda: PEOPLE / send_prepared(port, PEOPLE, ready),
        resources,
        is_long=True,
    )


def _prepare() -> ExitStack:
    """Push an application on a database in which everyone but the reader wants a daily digest."""
    resources = ExitStack()
    make = partial(filling.make, rows=ROWS, database="sqlite", others=PEOPLE)
    url, _processes, facts = copy("sqlite", ROWS, filling_sources(), make)
    app = create_app({"SQLALCHEMY_DATABASE_URI": url, "SECRET_KEY": "bench"})
    resources.enter_context(app.app_context())
    resources.callback(db.engine.dispose)
    people = db.session.scalars(select(User.id).where(User.id != facts["reader"]))
    wishes = [{"user_id": person, "daily_digest": True} for person in people]
    db.session.execute(insert(UserNotificationPreference), wishes)
    db.session.commit()
    return resources


def _tonight() -> datetime:
    """After everyone's digest hour."""
    # Without seconds: a minute later they could be lower than when the digests were settled, and nothing would be due.
    return utc_now().replace(hour=23, minute=30, second=0, microsecond=0)


def _settle() -> float:
    _reset()
    started = time.perf_counter()
    settled = settle.send_due(DAILY_DIGEST, _tonight())
    if settled != PEOPLE:
        raise RuntimeError(f"{settled} of {PEOPLE} digests were settled")
    return time.perf_counter() - started


def _count_and_insert() -> float:
    _settle()
    rows = [dict(row) for row in db.session.execute(select(Digest.__table__)).mappings()]
    queued = [dict(row) for row in db.session.execute(select(Delivery.__table__)).mappings()]
    _reset()
    started = time.perf_counter()
    count = text(
        "SELECT recipient_id, category, count(*) FROM notifications WHERE archived_at IS NULL AND read_at IS NULL"
        " AND surfaced_at <= :now AND recipient_id BETWEEN :first AND :last GROUP BY recipient_id, category"
    )
    for start in range(0, PEOPLE, CHUNK):
        chunk = rows[start : start + CHUNK]
        first, last = chunk[0]["user_id"], chunk[-1]["user_id"]
        db.session.execute(count, {"now": str(_tonight()), "first": first, "last": last}).all()
        db.session.execute(insert(Delivery.__table__), queued[start : start + CHUNK])
        db.session.execute(insert(Digest.__table__), chunk)
        db.session.commit()
    return time.perf_counter() - started


def _reset() -> None:
    db.session.execute(delete(Digest))
    db.session.execute(delete(Delivery))
    db.session.commit()

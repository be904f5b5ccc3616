"""What the digests of a claim hold: read for several people at once, and shortly before they are sent."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert, select, text

from app.catalog import DAILY_DIGEST, WEEKLY_SUMMARY
from app.database.base import db
from app.models import Delivery, Notification, User
from app.services.digests import contents, settle
from app.services.sending import lookahead
from app.services.sending.claimed_digests import CHUNK, ClaimedDigests
from app.services.sending.loading import load_deliveries
from app.services.sending.worker import DeliveryWorker
from tests.support import factories, statements
from tests.support.delivery import reload
from tests.support.smtp import Server

# A Monday.
NOW = datetime(2026, 3, 16, 7, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def subscribers(count: int, **preference: object) -> list[User]:
    """People in two time zones, each with an unread notification and an interview of today."""
    people = []
    for number in range(count):
        zone = ("Europe/Paris", "Asia/Kathmandu")[number % 2]
        wants = {"daily_digest": True, "digest_hour": 7, **preference}
        people.append(factories.user(f"p{number}@example.test", time_zone=zone, preference=wants))
        factories.notification(people[-1], f"For {number}", created_at=NOW - HOUR)
        factories.interview(people[-1], starts_at=NOW + HOUR, candidate_name=f"Candidate {number}")
    return people


def settled(kind: str = DAILY_DIGEST) -> list[Delivery]:
    """Settle the digests of a kind, and load their deliveries as a worker does."""
    settle.send_due(kind, NOW)
    ids = list(db.session.scalars(select(Delivery.id).where(Delivery.kind == kind)))
    return load_deliveries(ids)


def mark_read(*owners: User) -> None:
    for row in db.session.scalars(
        select(Notification).where(Notification.recipient_id.in_([o.id for o in owners]))
    ):
        row.read_at = NOW
    db.session.commit()


def test_several_people_are_read_in_as_many_statements_as_one(any_app: Flask) -> None:
    subscribers(CHUNK)
    rows = settled()
    with statements.recorded() as of_one:
        ClaimedDigests(rows[:1]).find(rows[0], NOW)
    claimed = ClaimedDigests(rows)
    with statements.recorded() as of_all:
        found = [claimed.find(row, NOW) for row in rows]
    # One more, for the interviews of the second time zone.
    assert len(of_all) == len(of_one) + 1
    assert [[line.title for line in each.unread.newest] for each in found] == [
        [f"For {number}"] for number in range(CHUNK)
    ]
    assert [[entry.candidate_name for entry in each.agenda.interviews] for each in found] == [
        [f"Candidate {number}"] for number in range(CHUNK)
    ]


def test_a_daily_digest_and_a_weekly_summary_in_one_claim_hold_their_own(any_app: Flask) -> None:
    subscribers(1, weekly_summary=True)
    factories.interview(db.session.scalars(select(User)).one(), starts_at=NOW + 72 * HOUR)
    rows = [*settled(), *settled(WEEKLY_SUMMARY)]
    claimed = ClaimedDigests(rows)
    assert [len(claimed.find(row, NOW).agenda.interviews) for row in rows] == [1, 2]


def test_what_was_read_too_early_is_read_again(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    people = subscribers(2)
    rows = settled()
    claimed = ClaimedDigests(rows)
    claimed.find(rows[0], NOW)
    mark_read(people[1])
    assert claimed.find(rows[1], NOW).unread.counts == {"interview": 1}
    monkeypatch.setattr(lookahead, "MAX_AGE_SECONDS", -1)
    assert claimed.find(rows[1], NOW).unread.counts == {}


def test_a_digest_that_is_read_while_a_slow_server_takes_others_is_not_sent(
    app: Flask, smtp: Server, worker: DeliveryWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fourth is prepared from what was read with the first. At its turn, that was too long ago."""
    people = subscribers(4)
    rows = settled()
    last, path = people[3].id, str(db.engine.url.database)
    accept, clock = smtp.mailbox.handle_DATA, [time.monotonic()]

    async def accept_slowly(*arguments: Any) -> str:
        clock[0] += 0.35 * lookahead.MAX_AGE_SECONDS
        if len(smtp.mailbox.raw) == 2:
            with closing(sqlite3.connect(path, isolation_level=None)) as other:
                other.execute("UPDATE notifications SET read_at = created_at WHERE recipient_id = ?", [last])
        return await accept(*arguments)

    monkeypatch.setattr(smtp.mailbox, "handle_DATA", accept_slowly)
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    worker.deliver_due(NOW)
    assert [reload(row).reason for row in rows] == ["sent", "sent", "sent", "read_before_sending"]
    assert len(smtp.mailbox.raw) == 3


def test_unread_notifications_are_found_by_their_owners(app: Flask) -> None:
    """SQLite would walk the unread notifications of everyone, which has the same result and no end."""
    people = subscribers(3)
    rows = [factories.notification_values(owner, number) for owner in people for number in range(40)]
    db.session.execute(insert(Notification), rows)
    db.session.execute(text("ANALYZE"))
    with statements.recorded() as seen:
        contents.load_newest([1, 2], NOW, NOW)
    values = ["[1, 2]", *["2026-03-16"] * 5]
    plan = db.session.connection().exec_driver_sql(
        f"EXPLAIN QUERY PLAN {seen[0]}", tuple(values[: seen[0].count("?")])
    )
    details = [row[3] for row in plan]
    assert "SEARCH notifications USING INDEX ix_notifications_unread (recipient_id=?)" in details

"""Counts of a person's notifications."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, text

from app.clock import utc_now
from app.database.base import db
from app.models import Notification, User
from app.services.notifications import actions, counts, json_list
from app.services.notifications.filters import INDEXES, Filters
from tests.support import factories, statements
from tests.support.summary import SUMMARY, notifications_of_summary

HOUR = timedelta(hours=1)


def test_the_summary_counts_by_type_priority_status_channel_and_age(owner: User, stranger: User) -> None:
    notifications_of_summary(owner)
    factories.notification(stranger)
    assert counts.summary(owner) == SUMMARY


@pytest.mark.parametrize("marked", ["read_at", "archived_at", "saved_at", "expires_at"])
def test_statistics_of_uneven_inboxes_mislead_no_list_and_no_count(
    app: Flask, alice: User, bob: User, marked: str
) -> None:
    factories.notification(alice)
    factories.notification(bob, **{marked: utc_now()})
    copied = [column.name for column in Notification.__table__.c if column.name not in {"id", "recipient_id"}]
    columns = ", ".join(copied)
    for recipient, copies in ((alice, 500), (bob, 50)):
        db.session.execute(
            text(
                f"INSERT INTO notifications (recipient_id, {columns})"
                f" WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {copies})"
                f" SELECT recipient_id, {columns} FROM notifications, n WHERE recipient_id = {recipient.id}"
            )
        )
    db.session.execute(text("ANALYZE"))
    db.session.commit()
    for place, index in INDEXES.items():
        plan = _plan(lambda place=place: json_list.page_for(alice.id, Filters(place)))
        bounds = "recipient_id=?)" if place == "anywhere" else "recipient_id=? AND surfaced_at"
        assert f"SEARCH notifications USING INDEX {index} ({bounds}" in plan
    plan = _plan(lambda: counts.unread_count(alice.id, version=-2))  # which is not remembered
    for index in ("unread (recipient_id=? AND surfaced_at", "expiring (recipient_id=? AND expires_at"):
        assert f"ix_notifications_{index}" in plan
    assert "SCAN notifications" not in plan


def _plan(ask: Callable[[], object]) -> str:
    """Return SQLite's plan for the first SELECT from the notifications."""
    asked: list[str] = []
    driver = db.session.connection().connection.dbapi_connection
    driver.set_trace_callback(asked.append)
    ask()
    driver.set_trace_callback(None)
    statement = next(sql for sql in asked if "FROM notifications" in sql)
    return "\n".join(row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {statement}"))


@pytest.mark.parametrize("action", actions.UNREAD_BY)
def test_a_change_of_one_carries_the_counts_over_exactly(owner: User, action: str) -> None:
    now = utc_now()
    ago, ahead = now - HOUR, now + HOUR
    for is_read in (False, True):
        for title, values in {
            "in the inbox": {"created_at": ago},
            "comes later": {"created_at": ago, "surfaced_at": ahead},
            "done": {"archived_at": ago},
            "saved": {"created_at": ago, "saved_at": ago},
            "saved and done": {"saved_at": ago, "archived_at": ago},
            "expired": {"created_at": now - 2 * HOUR, "expires_at": ago},
            "expires": {"created_at": ago, "expires_at": ahead},
            "not in the app": {"surfaced_at": None},
            "snoozed": {"snoozed_until": ahead, "surfaced_at": ahead},
        }.items():
            factories.notification(owner, title, read_at=ago if is_read else None, **values)
    rows = db.session.scalars(select(Notification).where(Notification.recipient_id == owner.id)).all()
    for row in rows:
        counts.inbox_counts(owner.id, now)
        made = actions.change(owner, action, ids=[row.id], now=now)
        with statements.recorded() as recorded:
            carried = counts.inbox_counts(owner.id, now)
        assert not [sql for sql in recorded if "count(" in sql.lower()], f"{row.title}, {made.count}"
        assert carried == counts.inbox_counts(owner.id, now, version=-2), row.title  # which is not remembered


def test_counts_from_before_the_change_of_another_are_not_carried_over(owner: User) -> None:
    row = factories.notification(owner)
    assert counts.unread_count(owner.id) == 1
    factories.notification(owner)
    actions.change(owner, "read", ids=[row.id])
    assert counts.unread_count(owner.id) == 1

"""Writes announcements in chunks of one transaction each, so that a killed process loses at most one chunk."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select

from app.clock import utc_now
from app.database.base import db
from app.database.writing import writing
from app.models import Announcement
from app.services.announcements import audiences, validation
from app.services.routing import fanout

# Large enough to be fast, small enough that other writers hardly wait.
CHUNK = 100
# How many of them a worker writes before the next work in its queue.
CHUNKS_PER_MESSAGE = 3
# Seconds between chunks: on SQLite, waiting writers poll for the lock.
PAUSE = 0.03


def write_due(now: datetime | None = None) -> int:
    """Write all announcements that are not complete, oldest first. Any number of processes may do this at once.

    Returns:
        The number of people this process wrote to.
    """
    count = 0
    while announcement_id := db.session.scalar(
        select(Announcement.id).where(Announcement.state == "writing").order_by(Announcement.id).limit(1)
    ):
        if count:
            time.sleep(PAUSE)
        count += _write_batch(announcement_id, now or utc_now())
    return count


def list_unfinished() -> dict[int, int]:
    """Return how many people each announcement that is not complete has reached, oldest first."""
    unfinished = select(Announcement.id, Announcement.written).where(Announcement.state == "writing")
    return dict(db.session.execute(unfinished.order_by(Announcement.id)).all())


def write_some(announcement_id: int, now: datetime | None = None) -> bool:
    """Write the next few hundred people of an announcement; returns whether more are left."""
    for chunk in range(CHUNKS_PER_MESSAGE):
        if chunk:
            time.sleep(PAUSE)
        if not _write_batch(announcement_id, now or utc_now()):
            return False
    return announcement_id in list_unfinished()


def write_chunk(row: Announcement, now: datetime) -> int:
    """Write to the next people of a locked announcement, in the caller's transaction."""
    # One more than a chunk, to see whether this is the last one.
    found = audiences.next_members(row.audience, after=row.last_user_id, limit=CHUNK + 1)
    people = found[:CHUNK]
    if people:
        why = dict.fromkeys((user.id for user in people), audiences.route_of(row.audience))
        request = replace(validation.to_request(row), routes=why)
        fanout.write(request, fanout.plan(request, people, now), now)
        row.written += len(people)
        row.last_user_id = people[-1].id
    if len(found) <= CHUNK:
        row.state, row.ended_at = "written", now
        # The audience may have changed since it was counted.
        row.total = row.written
    return len(people)


def _write_batch(announcement_id: int, now: datetime) -> int:
    with writing():
        # Locked, so that two processes take turns and a cancellation takes effect between two chunks.
        row = db.session.scalar(
            select(Announcement)
            .where(Announcement.id == announcement_id, Announcement.state == "writing")
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return write_chunk(row, now) if row else 0

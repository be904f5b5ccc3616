"""Writing an announcement to its people in chunks: each is one transaction, and a killed process goes on behind it."""

from __future__ import annotations

import time
from datetime import datetime

from sqlalchemy import select

from app.clock import utc_now
from app.database.base import db
from app.database.sqlite import lock_for_writing
from app.models import Announcement
from app.services.announcements import audiences, validation
from app.services.routing import fanout

# Large enough to be quick, small enough that other writers hardly wait.
CHUNK = 100
# Seconds between two: SQLite's waiting writers only look from time to time whether it is their turn.
PAUSE = 0.03


def write_due(now: datetime | None = None) -> int:
    """Write whatever is still to be written, the oldest announcement first. Any number of processes may do it.

    Returns:
        how many people this process wrote to.
    """
    count = 0
    while announcement_id := db.session.scalar(
        select(Announcement.id).where(Announcement.state == "writing").order_by(Announcement.id).limit(1)
    ):
        if count:
            time.sleep(PAUSE)
        count += _write_batch(announcement_id, now or utc_now())
    return count


def write_chunk(row: Announcement, now: datetime) -> int:
    """Write to the next people of an announcement that is locked, in the caller's transaction."""
    message = validation.to_request(row)
    # One more than are written, to see whether these are the last.
    found = audiences.next_members(row.audience, after=row.last_user_id, limit=CHUNK + 1)
    people = found[:CHUNK]
    if people:
        fanout.write(message, fanout.plan(message, people, now), now)
        row.written += len(people)
        row.last_user_id = people[-1].id
    if len(found) <= CHUNK:
        row.state, row.ended_at = "written", now
        # Some may have come or gone since they were counted.
        row.total = row.written
    return len(people)


def _write_batch(announcement_id: int, now: datetime) -> int:
    lock_for_writing()
    # Locked, so that two processes take turns and a cancellation comes between two chunks.
    row = db.session.scalar(
        select(Announcement)
        .where(Announcement.id == announcement_id, Announcement.state == "writing")
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    count = write_chunk(row, now) if row else 0
    db.session.commit()
    return count

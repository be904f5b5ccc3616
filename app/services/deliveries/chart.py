"""Counts sent, captured, failed and waiting deliveries per day, in the reader's time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise

from sqlalchemy import and_, func, or_, select

from app.clock import utc_now
from app.database.base import db
from app.models import Delivery, User
from app.rendering.dates import zone
from app.services.deliveries.log import has_outcome

DAYS = 14
# Stacked from the bottom. Skipped deliveries are left out, because they say nothing about sending.
SERIES = {"sent": ("sent",), "kept": ("kept",), "failed": ("failed",), "waiting": ("waiting", "retrying")}


@dataclass(frozen=True)
class DayCount:
    """The counts of one day, keyed by `SERIES`."""

    on: date
    counts: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def daily_counts(reader: User, now: datetime | None = None) -> list[DayCount]:
    """Count the last fourteen days, today last, in one query."""
    now, local = now or utc_now(), zone(reader.time_zone)
    today = now.astimezone(local).date()
    days = [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    starts = [datetime.combine(day, time(), local) for day in (*days, today + timedelta(days=1))]
    counts = [
        func.count().filter(
            and_(Delivery.created_at >= start, Delivery.created_at < end, or_(*map(has_outcome, group)))
        )
        for start, end in pairwise(starts)
        for group in SERIES.values()
    ]
    row = list(db.session.execute(select(*counts).where(Delivery.created_at >= starts[0])).one())
    width = len(SERIES)
    return [
        DayCount(day, dict(zip(SERIES, row[place * width : (place + 1) * width], strict=True)))
        for place, day in enumerate(days)
    ]

"""How many deliveries went out, failed and wait, day by day on the reader's calendar."""

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
# Stacked from the bottom; what was left out on purpose is no news of the senders' health.
SERIES = {"sent": ("sent",), "kept": ("kept",), "failed": ("failed",), "waiting": ("waiting", "retrying")}


@dataclass(frozen=True)
class DayCount:
    """One day's numbers, by the names of `SERIES`."""

    on: date
    counts: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def daily_counts(reader: User, now: datetime | None = None) -> list[DayCount]:
    """The last fourteen days, today last, counted in one pass over the recent rows."""
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

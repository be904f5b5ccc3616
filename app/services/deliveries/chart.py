"""Counts the deliveries of each day by outcome, in the reader's time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise

from sqlalchemy import and_, func, or_, select

from app.clock import utc_now
from app.database.base import db
from app.models import Delivery, User
from app.rendering.dates import zone
from app.services.deliveries.delivery_log import has_outcome

DAYS = 14
# Stacked from the bottom. Skipped deliveries are left out, because they say nothing about sending. In-app deliveries
# are a series of their own: "sent" counts only messages that a server accepted.
SERIES = {
    "sent": and_(has_outcome("sent"), Delivery.channel != "in_app"),
    "in_app": and_(has_outcome("sent"), Delivery.channel == "in_app"),
    "kept": has_outcome("kept"),
    "failed": has_outcome("failed"),
    "waiting": or_(has_outcome("waiting"), has_outcome("retrying")),
}


@dataclass(frozen=True)
class DayCount:
    """The counts of one day, keyed by `SERIES`."""

    on: date
    counts: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def params(self) -> dict[str, str]:
        """The filter of the log that shows this day."""
        return {"since": self.on.isoformat(), "until": self.on.isoformat()}


def daily_counts(reader: User, now: datetime | None = None) -> list[DayCount]:
    """Count the last fourteen days, today last, in one query."""
    now, local = now or utc_now(), zone(reader.time_zone)
    today = now.astimezone(local).date()
    days = [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    starts = [datetime.combine(day, time(), local) for day in (*days, today + timedelta(days=1))]
    counts = [
        func.count().filter(and_(Delivery.created_at >= start, Delivery.created_at < end, condition))
        for start, end in pairwise(starts)
        for condition in SERIES.values()
    ]
    row = list(
        db.session.execute(
            select(*counts).where(Delivery.created_at >= starts[0], Delivery.recipient_id.is_not(None))
        ).one()
    )
    width = len(SERIES)
    return [
        DayCount(day, dict(zip(SERIES, row[index * width : (index + 1) * width], strict=True)))
        for index, day in enumerate(days)
    ]

"""Reads the query of the delivery log; invalid values are ignored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

from werkzeug.datastructures import MultiDict

from app import catalog
from app.forms.integers import parse_integer
from app.services.deliveries.log import DeliveryFilters


@dataclass(frozen=True)
class DeliveriesQuery:
    """A page of the log and its filters. `since` and `until` are whole days in the reader's time zone."""

    outcomes: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    person: str = ""
    kind: str = ""
    since: date | None = None
    until: date | None = None
    before: int | None = None

    @classmethod
    def read(cls, args: MultiDict[str, str]) -> DeliveriesQuery:
        """Read a query string."""
        kind = args.get("kind", "")
        return cls(
            outcomes=tuple(args.getlist("outcome")),
            channels=tuple(name for name in args.getlist("channel") if name in catalog.CHANNELS),
            person=args.get("person", "").replace("\0", "").strip()[:200],
            kind=kind if kind in catalog.TYPES else "",
            since=args.get("since", type=_day),
            until=args.get("until", type=_day),
            before=args.get("before", type=parse_integer),
        )

    def filters(self, zone: tzinfo) -> DeliveryFilters:
        """Convert to the service's filters; both days are included."""
        return DeliveryFilters(
            self.outcomes,
            self.channels,
            self.person,
            (self.kind,) if self.kind else (),
            datetime.combine(self.since, time(), zone) if self.since else None,
            datetime.combine(self.until + timedelta(days=1), time(), zone) if self.until else None,
        )

    @property
    def typed_count(self) -> int:
        """How many filters of the sheet are in use; the page hides them behind a button."""
        return sum(map(bool, (self.person, self.kind, self.since or self.until)))

    @property
    def is_filtered(self) -> bool:
        """Whether any filter is in use."""
        return bool(self.outcomes or self.channels or self.typed_count)

    def params(self) -> dict[str, Any]:
        """Return the filters as arguments for `url_for`, without the cursor."""
        given = {"person": self.person, "kind": self.kind, "since": self.since, "until": self.until}
        return {"outcome": list(self.outcomes), "channel": list(self.channels)} | {
            name: value for name, value in given.items() if value
        }


def _day(text: str) -> date:
    """Parse a date. Extreme years are refused because a time zone offset could leave the calendar."""
    day = date.fromisoformat(text)
    if not 1970 <= day.year < 2200:
        raise ValueError(text)
    return day

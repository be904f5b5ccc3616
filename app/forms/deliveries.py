"""Reads the query of the delivery log; invalid values are ignored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

from werkzeug.datastructures import MultiDict

from app import catalog
from app.forms.days import parse_day
from app.forms.integers import parse_integer
from app.services.deliveries.delivery_log import DeliveryFilters


@dataclass(frozen=True)
class DeliveriesQuery:
    """A page of the log and its filters. `since` and `until` are whole days in the reader's time zone."""

    outcomes: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    search: str = ""
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
            search=args.get("q", "").strip()[:200],
            kind=kind if kind in catalog.TYPES else "",
            since=args.get("since", type=parse_day),
            until=args.get("until", type=parse_day),
            before=args.get("before", type=parse_integer),
        )

    def filters(self, zone: tzinfo) -> DeliveryFilters:
        """Convert to the service's filters; both days are included."""
        return DeliveryFilters(
            outcomes=self.outcomes,
            channels=self.channels,
            search=self.search,
            notification_types=(self.kind,) if self.kind else (),
            created_after=datetime.combine(self.since, time(), zone) if self.since else None,
            created_before=datetime.combine(self.until + timedelta(days=1), time(), zone)
            if self.until
            else None,
        )

    @property
    def is_filtered(self) -> bool:
        """Whether any filter is in use."""
        return bool(self.outcomes or self.channels or self.search or self.kind or self.since or self.until)

    def params(self) -> dict[str, Any]:
        """Return the filters as arguments for `url_for`, without the cursor."""
        given = {"q": self.search, "kind": self.kind, "since": self.since, "until": self.until}
        return {"outcome": list(self.outcomes), "channel": list(self.channels)} | {
            name: value for name, value in given.items() if value
        }

    def fields(self) -> list[tuple[str, str]]:
        """Return the filters as the fields of a form, without the cursor."""
        given = (
            (name, value if isinstance(value, list) else [value]) for name, value in self.params().items()
        )
        return [(name, str(value)) for name, values in given for value in values]

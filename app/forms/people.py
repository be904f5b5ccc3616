"""Reads the queries of the pages about people and of the audit log; invalid values are ignored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

from werkzeug.datastructures import MultiDict

from app import catalog
from app.forms.days import parse_day
from app.forms.integers import parse_integer
from app.services.accounts import administration
from app.services.base.audit import AuditFilters


@dataclass(frozen=True)
class PeopleQuery:
    """A page of the list of people."""

    search: str = ""
    roles: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    after: str | None = None
    before: str | None = None

    @classmethod
    def read(cls, args: MultiDict[str, str]) -> PeopleQuery:
        """Read a query string."""
        return cls(
            _text(args, "q"),
            tuple(role for role in catalog.ROLES if role in args.getlist("role")),
            tuple(state for state in administration.STATES if state in args.getlist("state")),
            args.get("after") or None,
            args.get("before") or None,
        )

    @property
    def is_filtered(self) -> bool:
        """Whether the list is searched or filtered."""
        return bool(self.search or self.roles or self.states)

    def params(self) -> dict[str, Any]:
        """Return the search and the filters as arguments for `url_for`, without the cursor."""
        return {"q": self.search or None, "role": list(self.roles), "state": list(self.states)}


@dataclass(frozen=True)
class SimulationQuery:
    """The event that a person's page simulates; `event` is empty if none."""

    event: str = ""
    priority: str = ""

    @classmethod
    def read(cls, args: MultiDict[str, str]) -> SimulationQuery:
        """Read a query string."""
        event, priority = args.get("event", ""), args.get("priority", "")
        return cls(
            event if event in catalog.EVENTS else "", priority if priority in catalog.PRIORITIES else ""
        )


@dataclass(frozen=True)
class AuditQuery:
    """A page of the audit log and its filters. `since` and `until` are whole days in the reader's time zone."""

    person: str = ""
    area: str = ""
    action: str = ""
    since: date | None = None
    until: date | None = None
    before: int | None = None

    @classmethod
    def read(cls, args: MultiDict[str, str]) -> AuditQuery:
        """Read a query string."""
        return cls(
            _text(args, "q") or _text(args, "person"),
            _text(args, "area"),
            _text(args, "action"),
            args.get("since", type=parse_day),
            args.get("until", type=parse_day),
            args.get("before", type=parse_integer),
        )

    @property
    def is_filtered(self) -> bool:
        """Whether any filter is in use."""
        return bool(self.params())

    def filters(self, codes: Mapping[str, tuple[str, ...]], zone: tzinfo) -> AuditFilters:
        """Convert to the service's filters; both days are included.

        Args:
            codes: the actions of each area.
        """
        return AuditFilters(
            (self.action,) if self.action else codes.get(self.area, ()),
            self.person,
            datetime.combine(self.since, time(), zone) if self.since else None,
            datetime.combine(self.until + timedelta(days=1), time(), zone) if self.until else None,
        )

    def params(self) -> dict[str, Any]:
        """Return the filters as arguments for `url_for`, without the cursor."""
        given = {
            "q": self.person,
            "area": self.area,
            "action": self.action,
            "since": self.since,
            "until": self.until,
        }
        return {name: value for name, value in given.items() if value}


def _text(args: MultiDict[str, str], name: str) -> str:
    return args.get(name, "").strip()[:254]

"""Reads the queries of the people list and the audit log; invalid values are ignored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import MultiDict

from app.forms.integers import parse_integer


@dataclass(frozen=True)
class PeopleQuery:
    """A page of the list of people."""

    search: str = ""
    after: int | None = None
    before: int | None = None

    @classmethod
    def read(cls, args: MultiDict[str, str]) -> PeopleQuery:
        """Read a query string."""
        return cls(
            _text(args, "q"), args.get("after", type=parse_integer), args.get("before", type=parse_integer)
        )

    def params(self) -> dict[str, Any]:
        """Return arguments for `url_for`."""
        return {"q": self.search or None, "after": self.after, "before": self.before}


@dataclass(frozen=True)
class AuditQuery:
    """A page of the audit log."""

    action: str = ""
    person: str = ""
    before: int | None = None

    @classmethod
    def read(cls, args: MultiDict[str, str]) -> AuditQuery:
        """Read a query string."""
        return cls(
            _text(args, "action"), _text(args, "person").lower(), args.get("before", type=parse_integer)
        )


def _text(args: MultiDict[str, str], name: str) -> str:
    return args.get(name, "").replace("\0", "").strip()[:254]

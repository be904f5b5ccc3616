"""The query string of a list of notifications: read, and written back into links."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

from werkzeug.datastructures import MultiDict

from app import catalog
from app.forms.integers import parse_integer
from app.services.notifications import search_query
from app.services.notifications.filters import Filters
from app.services.notifications.inbox import read_cursor

PAGE = 50
MOST = 200


@dataclass(frozen=True)
class ListQuery:
    """A list as its query string describes it. Unknown values are ignored, so that any URL shows a list.

    A search without a place looks "anywhere".
    """

    place: str = "inbox"
    categories: tuple[str, ...] = ()
    priorities: tuple[str, ...] = ()
    search: str = ""
    cursor: str | None = None
    limit: int = PAGE
    open: int | None = None
    # The stack that is expanded in the list, the only stack that is shown, and the newest row that is shown.
    stack: str = ""
    within: str = ""
    upto: str = ""
    # The saved view that the list began as.
    view_id: int | None = None

    @classmethod
    def read(cls, args: MultiDict[str, str] | str) -> ListQuery:
        """Read a parsed query string, or the text after the "?"."""
        if isinstance(args, str):
            args = MultiDict(parse_qsl(args, max_num_fields=100))
        search = args.get("q", "").replace("\0", "").strip()
        place = args.get("place", "")
        if place not in catalog.PLACES:
            place = "all" if search else "inbox"
        return cls(
            place="anywhere" if place == "all" and search else place,
            categories=_known(args.getlist("category"), catalog.CATEGORIES),
            priorities=_known(args.getlist("priority"), catalog.PRIORITY_LABELS),
            search=search,
            cursor=args.get("cursor") or None,
            limit=min(max(args.get("limit", PAGE, type=parse_integer), PAGE), MOST),
            open=args.get("open", type=parse_integer),
            stack=args.get("stack", "")[:80],
            within=args.get("within", "")[:80],
            upto=args.get("upto", "") if place != "later" else "",
            view_id=args.get("view_id", type=parse_integer),
        )

    def filters(self, time_zone: str, now: datetime | None = None) -> Filters:
        """Build the filters for a reader in a time zone. Raises Invalid if the search cannot be parsed."""
        return Filters(
            place=self.place,
            categories=self.categories,
            priorities=self.priorities,
            search=search_query.parse(self.search, time_zone, now),
            stack=self.within,
            upto=read_cursor(self.upto)[1:] if self.upto else None,
        )

    @property
    def is_filtered(self) -> bool:
        return bool(self.categories or self.priorities or self.search)

    @property
    def is_start_of_inbox(self) -> bool:
        """Whether this is the first page of the inbox, with everything in it."""
        return self.place == "inbox" and not (self.is_filtered or self.cursor or self.within)

    def without_position(self) -> ListQuery:
        """Return this list wherever one is in it, as `params` describes it."""
        return replace(self, cursor=None, limit=PAGE, open=None, upto="")

    def params(self, **changes: Any) -> dict[str, Any]:
        """Build the parameters for `url_for`: this list with some changes; empty values are left out."""
        values: dict[str, Any] = {
            "place": self.place,
            "category": list(self.categories),
            "priority": list(self.priorities),
            "q": self.search,
            "stack": self.stack,
            "within": self.within,
            "view_id": self.view_id,
        } | changes
        if values["place"] in ("anywhere", None if values["q"] else "inbox"):
            values["place"] = None
        return {name: value for name, value in values.items() if value}

    def text(self, **changes: Any) -> str:
        """Build the text after the "?", for `read`."""
        return urlencode(self.params(**changes), doseq=True)


def _known(values: list[str], table: Mapping[str, Any]) -> tuple[str, ...]:
    # In the order of the table, so that one filter has one URL.
    return tuple(name for name in table if name in values)

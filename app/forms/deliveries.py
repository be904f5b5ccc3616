"""Which part of the delivery log is asked for; any address shows something."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import MultiDict

from app import catalog

_LARGEST = 2**63 - 1


@dataclass(frozen=True)
class DeliveriesQuery:
    """A page of the log and its filter."""

    outcomes: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    before: int | None = None

    @classmethod
    def read(cls, args: MultiDict[str, str]) -> DeliveriesQuery:
        """Read the query of an address."""
        before = args.get("before", type=int)
        return cls(
            outcomes=tuple(args.getlist("outcome")),
            channels=tuple(name for name in args.getlist("channel") if name in catalog.CHANNELS),
            before=before if before is not None and 0 <= before <= _LARGEST else None,
        )

    def params(self) -> dict[str, Any]:
        """The filter for `url_for`, without the place in the list."""
        return {"outcome": list(self.outcomes), "channel": list(self.channels)}

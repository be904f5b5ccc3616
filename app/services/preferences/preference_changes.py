"""What a change of preferences did, and so how it is taken back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Cells = list[tuple[str, str, bool]]


@dataclass(frozen=True)
class PreferenceChange:
    """The changed fields, as JSON has them. To change to `before` is to undo it."""

    before: dict[str, Any]
    after: dict[str, Any]

    @classmethod
    def between(cls, before: Mapping[str, Any], after: Mapping[str, Any]) -> PreferenceChange:
        """Compare all the fields of before and after; of the matrix, only cells that changed count."""
        names = [name for name in after if after[name] != before[name] and name != "matrix"]
        then, now = {name: before[name] for name in names}, {name: after[name] for name in names}
        cells = [
            (category, channel, is_on)
            for category, ways in after["matrix"].items()
            for channel, is_on in ways.items()
            if is_on != before["matrix"].get(category, {}).get(channel, True)
        ]
        if cells:
            then["matrix"] = _matrix([(category, channel, not is_on) for category, channel, is_on in cells])
            now["matrix"] = _matrix(cells)
        return cls(then, now)


def _matrix(cells: Cells) -> dict[str, dict[str, bool]]:
    found: dict[str, dict[str, bool]] = {}
    for category, channel, is_on in cells:
        found.setdefault(category, {})[channel] = is_on
    return found

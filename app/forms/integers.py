"""Numbers as addresses and forms write them, no larger than a database can hold."""

from __future__ import annotations

LARGEST = 2**63 - 1


def parse_integer(text: str) -> int:
    """A whole number that may be an id, for `args.get(name, type=whole_number)`. Raises ValueError: it is none."""
    found = int(text)
    if not 0 <= found <= LARGEST:
        raise ValueError(text)
    return found

"""Reads what the digests of a claim hold, for several people at once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime

from app.catalog import DIGESTS
from app.models import Delivery
from app.services.digests.reading import DigestContents, read_contents
from app.services.sending import lookahead

# For how many people at once. A few keep the statement short when inboxes are huge; more would save little.
CHUNK = 10


class ClaimedDigests:
    """Reads the digests of a claim in chunks, and again any that are more than a second old when they are needed.

    However slow the mail server is, a digest is at most a second out of date when sending begins.
    """

    def __init__(self, rows: Sequence[Delivery]) -> None:
        self._rows = [row for row in rows if row.kind in DIGESTS]
        self._found: dict[int, DigestContents] = {}

    def find(self, delivery: Delivery, now: datetime) -> DigestContents:
        """Return what the digest of this delivery holds."""
        found = self._found.get(delivery.id)
        if found is None or time.monotonic() - found.read_at > lookahead.MAX_AGE_SECONDS:
            self._read(delivery, now)
        return self._found[delivery.id]

    def _read(self, delivery: Delivery, now: datetime) -> None:
        """Read this digest and those that come next in the claim and were settled with it."""
        start = self._rows.index(delivery)
        chunk = [
            row
            for row in self._rows[start : start + CHUNK]
            if (row.kind, row.created_at) == (delivery.kind, delivery.created_at)
        ]
        people = [row.recipient for row in chunk]
        found = read_contents(delivery.kind, people, delivery.created_at, now)
        self._found = {row.id: found[row.recipient_id] for row in chunk}

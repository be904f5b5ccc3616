"""The only place that reads the clock, so that tests can move it; and how instants are written on the wire."""

import time
from datetime import UTC, datetime, timedelta

# Clocks of several machines differ by less, and a clock that is adjusted by less delays nothing that matters.
TOLERANCE = timedelta(seconds=5)


def utc_now() -> datetime:
    """The present instant, aware, in UTC."""
    return datetime.now(UTC)


def to_rfc3339(instant: datetime) -> str:
    """Write an instant in UTC with a `Z`, as JSON carries it."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


class ClockWatch:
    """Notices when the clock is set, by comparing it with one that cannot be."""

    def __init__(self) -> None:
        self._offset = _offset_of_clock()

    def read_jump(self) -> timedelta:
        """Return by how much the clock was set since the last call; zero for less than `TOLERANCE`."""
        offset = _offset_of_clock()
        jump = offset - self._offset
        if abs(jump) < TOLERANCE:
            return timedelta()
        self._offset = offset
        return jump


def _offset_of_clock() -> timedelta:
    return utc_now() - datetime.fromtimestamp(0, UTC) - timedelta(seconds=time.monotonic())

"""The only place that reads the clock, so that tests can move it; and how instants are written on the wire."""

import time
from datetime import UTC, datetime, timedelta

# Clocks of machines differ by less. A smaller adjustment delays nothing that matters.
TOLERANCE = timedelta(seconds=5)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utc_now() -> datetime:
    """Return the present instant, aware, in UTC."""
    return datetime.now(UTC)


def to_rfc3339(instant: datetime) -> str:
    """Write an instant in UTC with a `Z`, as JSON carries it."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def to_microseconds(instant: datetime) -> int:
    """Return the microseconds since 1970, as links carry an instant."""
    return (instant - EPOCH) // timedelta(microseconds=1)


def from_microseconds(number: int) -> datetime:
    """Return the instant of a number from `to_microseconds`."""
    return EPOCH + timedelta(microseconds=number)


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
    return utc_now() - EPOCH - timedelta(seconds=time.monotonic())

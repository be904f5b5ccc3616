"""The only place that reads the clock, so that tests can move it; and how instants are written on the wire."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The present instant, aware, in UTC."""
    return datetime.now(UTC)


def to_rfc3339(instant: datetime) -> str:
    """Write an instant in UTC with a `Z`, as JSON carries it."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")

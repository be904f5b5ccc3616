"""Values to preview a template with: sample data, extreme cases and recent events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from app import catalog
from app.catalog import ENVELOPE
from app.database.base import db
from app.models import Event, Notification
from app.rendering.dates import day
from app.services.base import validation
from app.services.base.errors import Invalid, NotFound

# Variables that are points in time.
INSTANTS = ("starts_at", "ends_at")
# Only the newest notifications are searched: an index by type would cost every insert.
AMONG_NEWEST = 100_000
LONG_NAME = "Maximiliane Konstantina Friederike von Hohenstein-Wittgenstein zu Berleburg"


@dataclass(frozen=True)
class Sample:
    """A set of values to choose; `key` is the value in the form."""

    key: str
    label: str


def list_choices(notification_type: str, *, time_zone: str, locale: str) -> list[Sample]:
    """List the samples for a type, recent events last."""
    samples = [
        Sample("sample", _("Sample data")),
        Sample("long", _("Very long values")),
        Sample("missing", _("Optional values missing")),
    ]
    events = [
        Sample(str(event.id), f"{title[:60]}, {day(event.occurred_at, time_zone, locale)}")
        for event, title in _recent_events(notification_type)
    ]
    return samples + events


def sample_data(notification_type: str, key: str) -> dict[str, Any]:
    """Load the values of a sample, times as aware datetimes.

    Raises:
        NotFound: the sample does not exist, or its event was deleted.
    """
    if key.isdecimal() and len(key) < 19:
        event = db.session.get(Event, int(key))
        event_type = catalog.EVENTS.get(event.type) if event else None
        if event is None or event_type is None or event_type.notification_type != notification_type:
            raise NotFound(_("This event was deleted."))
        return values_of_event(event)
    if key not in {"sample", "long", "missing"}:
        raise NotFound(_("Sample not found."))
    sample = with_instants(_fixed_sample(notification_type))
    if key == "long":
        return {name: _lengthen(name, value) for name, value in sample.items()}
    if key == "missing":
        optional = {field.name for field in catalog.TYPES[notification_type].variables if not field.required}
        return {name: value for name, value in sample.items() if name not in optional}
    return sample


def values_of_event(event: Event) -> dict[str, Any]:
    """Return the template variables in an event's data, times as aware datetimes."""
    return with_instants({name: value for name, value in event.data.items() if name not in ENVELOPE})


def recent_notifications(notification_type: str, limit: int = 20) -> list[Notification]:
    """Load the newest notifications of a type that events caused, with their events, newest first."""
    return list(
        db.session.scalars(
            select(Notification)
            .join(Notification.event)
            .where(
                Notification.id > _oldest_id(),
                Notification.notification_type == notification_type,
                Event.type.in_(_event_types(notification_type)),
            )
            .options(joinedload(Notification.event))
            .order_by(Notification.id.desc())
            .limit(limit)
        )
    )


def with_instants(values: Mapping[str, Any]) -> dict[str, Any]:
    """Parse the times among values, so that each reader sees them in their own time zone.

    Raises:
        InvalidValue: a time is not written as RFC 3339.
    """
    return {
        name: validation.instant(value) if name in INSTANTS and value else value
        for name, value in values.items()
    }


def validate_context(context: Mapping[str, Any]) -> dict[str, Any]:
    """Check values that a caller supplied, and parse the times among them.

    Raises:
        Invalid: keyed `context`, or `context.<name>` for a time.
    """
    try:
        values = dict(validation.structure(dict(context)))
    except validation.InvalidValue as error:
        raise Invalid({"context": str(error)}) from error
    for name in INSTANTS:
        if values.get(name):
            try:
                values[name] = validation.instant(values[name])
            except validation.InvalidValue as error:
                raise Invalid({f"context.{name}": str(error)}) from error
    return values


def _fixed_sample(notification_type: str) -> dict[str, Any]:
    sample = catalog.sample_context(notification_type)
    if "interview_date" in sample:
        sample |= {field.name: field.sample for field in catalog.INTERVIEW_FIELDS}
    return sample


def _lengthen(name: str, value: Any) -> Any:
    if not isinstance(value, str) or name in {"id", "meeting_url"}:
        return value
    return LONG_NAME if name.endswith("_name") else " ".join([value] * 4)


def _event_types(notification_type: str) -> list[str]:
    return [event.name for event in catalog.EVENTS.values() if event.notification_type == notification_type]


def _oldest_id() -> int:
    return int(db.session.scalar(select(func.max(Notification.id))) or 0) - AMONG_NEWEST


def _recent_events(notification_type: str) -> list[tuple[Event, str]]:
    titles: dict[int, tuple[Event, str]] = {}
    for row in recent_notifications(notification_type, 50):
        if row.event is not None and row.event_id is not None:
            titles.setdefault(row.event_id, (row.event, row.title))
    return list(titles.values())[:5]

"""Values to try a template with: the type's sample data, hard cases, and what really happened lately."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
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

INSTANTS = ("starts_at", "ends_at")
# Only among the newest: what is looked for by type has no index, which every notification would pay for.
AMONG_NEWEST = 100_000
LONG_NAME = "Maximiliane Konstantina Friederike von Hohenstein-Wittgenstein zu Berleburg"


@dataclass(frozen=True)
class Sample:
    """One choice: `key` is what a form sends."""

    key: str
    label: str


def list_choices(notification_type: str, *, time_zone: str, locale: str) -> list[Sample]:
    """What a template of this type can be tried with, real events last."""
    fixed = [
        Sample("sample", _("Sample data")),
        Sample("long", _("Very long values")),
        Sample("missing", _("Optional values missing")),
    ]
    real = [
        Sample(str(event.id), f"{title[:60]}, {day(event.occurred_at, time_zone, locale)}")
        for event, title in _recent_events(notification_type)
    ]
    return fixed + real


def sample_data(notification_type: str, key: str) -> dict[str, Any]:
    """The values of a choice, instants as aware datetimes.

    Raises:
        NotFound: there is no such choice (any more).
    """
    if key.isdecimal() and len(key) < 19:
        event = db.session.get(Event, int(key))
        kind = catalog.EVENTS.get(event.type) if event else None
        if event is None or kind is None or kind.notification_type != notification_type:
            raise NotFound(_("That event is gone."))
        return values_of_event(event)
    if key not in {"sample", "long", "missing"}:
        raise NotFound(_("There is no such sample."))
    sample = with_instants(_sample(notification_type))
    if key == "long":
        return {name: _lengthened(name, value) for name, value in sample.items()}
    if key == "missing":
        optional = {field.name for field in catalog.TYPES[notification_type].variables if not field.required}
        return {name: value for name, value in sample.items() if name not in optional}
    return sample


def values_of_event(event: Event) -> dict[str, Any]:
    """The variables that an event brings."""
    return with_instants({name: value for name, value in event.data.items() if name not in ENVELOPE})


def recent_notifications(notification_type: str, limit: int = 20) -> list[Notification]:
    """The last notifications of a type that an event caused, with event and recipient, newest first."""
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


def with_instants(given: Mapping[str, Any]) -> dict[str, Any]:
    """The values with times as aware datetimes, which are then shown on the reader's clock."""
    return {
        name: datetime.fromisoformat(value) if name in INSTANTS and isinstance(value, str) else value
        for name, value in given.items()
    }


def validate_context(given: Mapping[str, Any]) -> dict[str, Any]:
    """Values that a caller made up, times as instants.

    Raises:
        Invalid: keyed `context`, or `context.<name>` where a time is none.
    """
    try:
        usable = dict(validation.structure(dict(given)))
    except validation.InvalidValue as error:
        raise Invalid({"context": str(error)}) from error
    for name in INSTANTS:
        if usable.get(name):
            try:
                usable[name] = validation.instant(usable[name])
            except validation.InvalidValue as error:
                raise Invalid({f"context.{name}": str(error)}) from error
    return usable


def _sample(notification_type: str) -> dict[str, Any]:
    sample = catalog.sample_context(notification_type)
    if "interview_date" in sample:
        sample |= {field.name: field.sample for field in catalog.INTERVIEW_FIELDS}
    return sample


def _lengthened(name: str, value: Any) -> Any:
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

"""Converts an event's data to the plain strings that templates may use."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app import catalog
from app.rendering import dates
from app.rendering.texts import to_plain_text


def values_for(
    notification_type: str, data: Mapping[str, Any], time_zone: str, locale: str
) -> dict[str, str]:
    """Return every variable of a type as a string: times in the reader's time zone, missing values empty.

    Args:
        data: JSON values by name; an instant may also be an aware datetime.
        time_zone, locale: the reader's.
    """
    values = {field.name: "" for field in catalog.TYPES[notification_type].variables}
    for name, value in data.items():
        values[name] = (
            dates.full(value, time_zone, locale) if isinstance(value, datetime) else to_plain_text(value)
        )
    starts_at = data.get("starts_at")
    if isinstance(starts_at, datetime):
        given_end = data.get("ends_at")
        ends_at = given_end if isinstance(given_end, datetime) and given_end > starts_at else None
        values["interview_date"] = dates.start_of_span(starts_at, ends_at, time_zone, locale)
        values["interview_day"] = dates.day(starts_at, time_zone, locale)
        values["interview_time"] = dates.start_time_of_span(starts_at, ends_at, time_zone, locale)
        values["place"] = values.get("location") or values.get("meeting_url") or ""
    previous_starts_at = data.get("previous_starts_at")
    if isinstance(previous_starts_at, datetime):
        values["previous_day"] = dates.day(previous_starts_at, time_zone, locale)
        values["previous_time"] = dates.clock(previous_starts_at, time_zone, locale)
    return values

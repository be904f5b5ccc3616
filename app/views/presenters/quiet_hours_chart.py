"""Charts a day of 1440 minutes: quiet hours, the digest and the current time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from flask_babel import gettext as _

from app.views.web.datetime_filters import local, time_of_day

DAY = 24 * 60


@dataclass(frozen=True)
class Chart:
    """`bands` are the start and length of quiet hours; all numbers are minutes. `label` says the same as text."""

    bands: list[tuple[int, int]]
    digest: int | None
    now: int | None
    label: str


def build_chart(values: dict[str, Any], now: datetime | None) -> Chart:
    """Chart the preferences of a person.

    Args:
        values: the preferences as JSON has them.
        now: the current time, in the reader's time zone; None for the defaults, which have no current time.
    """
    quiet = values["quiet_hours"]
    start, end = _minute(quiet["start"]), _minute(quiet["end"])
    bands = [(start, end - start)] if start < end else [(0, end), (start, DAY - start)]
    local_now = local(now) if now else None
    digest = values["digest_hour"] * 60 if values["daily_digest"] else None
    sentences = [
        _(
            "Quiet from %(start)s to %(end)s.",
            start=time_of_day(quiet["start"]),
            end=time_of_day(quiet["end"]),
        )
        if quiet["enabled"]
        else "",
        _("Digest at %(time)s.", time=time_of_day(time(values["digest_hour"]))) if digest is not None else "",
        _("It's %(time)s now.", time=time_of_day(local_now.time())) if local_now else "",
    ]
    return Chart(
        bands=[band for band in bands if band[1]] if quiet["enabled"] else [],
        digest=digest,
        now=local_now.hour * 60 + local_now.minute if local_now else None,
        label=" ".join(filter(None, sentences)) or _("No quiet hours."),
    )


def _minute(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)

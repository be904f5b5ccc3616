"""The day as a strip of 1440 minutes: quiet hours, the digest, and where we are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext as _

from app.views.web.datetime_filters import local

DAY = 24 * 60


@dataclass(frozen=True)
class Chart:
    """`bands` are start and length of what is quiet, in minutes; the rest are minutes or None; `label` says it all."""

    bands: list[tuple[int, int]]
    digest: int | None
    now: int | None
    label: str


def build_chart(values: dict[str, Any], now: datetime | None) -> Chart:
    """Draw a person's preferences.

    Args:
        values: the preferences as JSON has them.
        now: for the mark of the present, on the reader's clock; None for a picture of no particular person.
    """
    quiet = values["quiet_hours"]
    start, end = _minute(quiet["start"]), _minute(quiet["end"])
    bands = [(start, end - start)] if start < end else [(0, end), (start, DAY - start)]
    here = local(now) if now else None
    digest = values["digest_hour"] * 60 if values["daily_digest"] else None
    sentences = [
        _("Quiet from %(start)s to %(end)s.", start=quiet["start"], end=quiet["end"])
        if quiet["enabled"]
        else "",
        _("Digest at %(time)s.", time=f"{values['digest_hour']:02}:00") if digest is not None else "",
        _("It is %(time)s now.", time=f"{here:%H:%M}") if here else "",
    ]
    return Chart(
        bands=[band for band in bands if band[1]] if quiet["enabled"] else [],
        digest=digest,
        now=here.hour * 60 + here.minute if here else None,
        label=" ".join(filter(None, sentences)) or _("A day without quiet hours."),
    )


def _minute(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)

"""Reads what the digests of several people hold: in three statements, and one for each further time zone."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.catalog import WEEKLY_SUMMARY
from app.models import User
from app.services.base import local_time
from app.services.digests import contents
from app.services.digests.contents import Unread
from app.services.interviews.agenda import Agenda, load_agendas
from app.services.routing import wording
from app.services.routing.wording import TemplateRow

WEEK = timedelta(days=7)


@dataclass(frozen=True)
class DigestContents:
    """The contents of one person's digest. `read_at` is a time of the monotonic clock."""

    template: TemplateRow
    unread: Unread
    agenda: Agenda
    read_at: float


def read_contents(
    kind: str, people: Sequence[User], as_of: datetime, now: datetime, day: datetime | None = None
) -> dict[int, DigestContents]:
    """Read the digests of people that were settled at one time; returns them by the person's id.

    Args:
        kind, as_of, now, day: as `email.compose_digest` takes them.
    """
    read_at = time.monotonic()
    template = wording.template_row(kind)
    unread = contents.load_newest([person.id for person in people], as_of, now)
    agendas = _load_agendas(people, day or as_of, now, is_weekly=kind == WEEKLY_SUMMARY)
    nothing = Unread({}, [])
    return {
        person.id: DigestContents(
            template, unread.get(person.id, nothing), agendas.get(person.id, Agenda()), read_at
        )
        for person in people
    }


def _load_agendas(
    people: Sequence[User], day: datetime, now: datetime, *, is_weekly: bool
) -> dict[int, Agenda]:
    """Load the interviews of this day and the next, or of the seven days from it on, and missing evaluations."""
    by_zone: dict[str, list[int]] = defaultdict(list)
    for person in people:
        by_zone[person.time_zone].append(person.id)
    found: dict[int, Agenda] = {}
    for time_zone, ids in by_zone.items():
        start, end = local_time.day_bounds(day, time_zone)
        until = day + WEEK if is_weekly else local_time.day_bounds(end, time_zone)[1]
        found |= load_agendas(ids, max(start, now), until)
    return found

"""The agenda above the inbox: today's and tomorrow's interviews, and the evaluations that are missing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

from flask import url_for
from flask_babel import get_locale, ngettext
from flask_babel import gettext as _

from app import safe_urls
from app.rendering import dates
from app.rendering.interview_facts import link_of_place
from app.rendering.key_facts import SEPARATOR
from app.rendering.main_links import MainLink, main_links
from app.services.base import local_time
from app.services.interviews import agenda as interview_agenda
from app.services.interviews.agenda import Agenda, AgendaEntry
from app.views.web.auth import current_user
from app.views.web.datetime_filters import local, time_zone

# From when on joining is what to do next.
JOIN_BEFORE = timedelta(minutes=15)
# Of a day, the further ones are folded away.
SHOWN, MAX_EVALUATIONS = 3, 3
# Someone else may cancel or move an interview, which need not change this person's inbox.
KEEP_FOR = timedelta(minutes=1)


class Line(NamedTuple):
    """An interview as the agenda shows it; `button` is what there is to do about it."""

    when: str
    starts_at: datetime
    name: str
    url: str
    about: str
    button: MainLink | None
    is_next: bool = False
    is_now: bool = False
    overlaps: bool = False


@dataclass(frozen=True)
class AgendaView:
    """The agenda for a page, valid until `changes_at`.

    The first `shown` interviews of a day are in sight. `more` is how many missing evaluations are not listed.
    """

    summary: str
    days: list[tuple[date, list[Line]]]
    evaluations: list[Line]
    more: int
    changes_at: datetime
    shown: int = SHOWN


def load_agenda(now: datetime) -> AgendaView | None:
    """Load the signed-in user's agenda until the end of tomorrow; None if there is nothing in it."""
    today = local(now).date()
    until = local_time.day_range(today + timedelta(days=1), time_zone())[1]
    found = interview_agenda.load_agenda(current_user.id, now, until)
    if not found:
        return None
    days: dict[date, list[Line]] = {}
    for entry in found.interviews:
        day = max(local(entry.starts_at).date(), today)
        days.setdefault(day, []).append(_interview(entry, found, day, now))
    shown = found.unevaluated[-MAX_EVALUATIONS:]
    return AgendaView(
        _summary(found, {day: len(lines) for day, lines in days.items()}, today),
        list(days.items()),
        [_evaluation(entry) for entry in shown],
        len(found.unevaluated) - len(shown),
        min(now + KEEP_FOR, found.next_change(now) or now + KEEP_FOR),
    )


def _summary(found: Agenda, counts: dict[date, int], today: date) -> str:
    now, later = counts.get(today, 0), sum(count for day, count in counts.items() if day > today)
    late = len(found.unevaluated)
    parts = (
        ngettext("%(num)d interview today", "%(num)d interviews today", now) if now else "",
        _tomorrow(later, is_first=not now),
        ngettext("%(num)d evaluation due", "%(num)d evaluations due", late) if late else "",
    )
    return SEPARATOR.join(part for part in parts if part)


def _tomorrow(count: int, *, is_first: bool) -> str:
    if not count:
        return ""
    if is_first:
        return ngettext("%(num)d interview tomorrow", "%(num)d interviews tomorrow", count)
    return ngettext("%(num)d tomorrow", "%(num)d tomorrow", count)


def _interview(entry: AgendaEntry, found: Agenda, day: date, now: datetime) -> Line:
    url = _url_of(entry)
    return Line(
        dates.times_below(day, entry.starts_at, entry.ends_at, time_zone(), str(get_locale())),
        entry.starts_at,
        entry.candidate_name,
        url,
        _about(entry),
        _way_to_meet(entry),
        is_next=entry is found.interviews[0] and entry.starts_at - now <= JOIN_BEFORE,
        is_now=entry.starts_at <= now,
        overlaps=entry.id in found.overlapping,
    )


def _evaluation(entry: AgendaEntry) -> Line:
    buttons = main_links("evaluation_due", entry.action_url)
    when = dates.short_day(entry.starts_at, time_zone(), str(get_locale()))
    button = buttons[0] if buttons else None
    return Line(when, entry.starts_at, entry.candidate_name, _url_of(entry), _about(entry), button)


def _way_to_meet(entry: AgendaEntry) -> MainLink | None:
    """Return how to get to an interview: its call, its phone number, or a map of where it is."""
    if safe_urls.is_web_address(entry.meeting_url):
        return MainLink(_("Join"), entry.meeting_url)
    url = link_of_place(entry.location)
    if not url:
        return None
    return MainLink(_("Call") if url.startswith("tel:") else _("Map"), url)


def _about(entry: AgendaEntry) -> str:
    return SEPARATOR.join(part for part in (entry.job_title, entry.company_name, entry.location) if part)


def _url_of(entry: AgendaEntry) -> str:
    if entry.notification_id is None:
        return ""
    return url_for("notifications.show", notification_id=entry.notification_id)

"""A digest put into words for its reader, at the moment it is sent or looked at."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from flask_babel import gettext as _
from flask_babel import ngettext

from app import catalog
from app.catalog import WEEKLY_SUMMARY
from app.models import Interview, Notification, User
from app.rendering import dates
from app.rendering.digest_email import DigestBar, DigestContent, DigestGroup, DigestLine
from app.rendering.texts import Texts
from app.services.base import local_time
from app.services.digests import contents, links
from app.services.preferences import unsubscribe
from app.services.routing import wording

WEEK = timedelta(days=7)
OLDEST = 5


def compose_digest(
    kind: str,
    user: User,
    as_of: datetime,
    now: datetime,
    *,
    base_url: str,
    secret: str,
    day: datetime | None = None,
) -> tuple[Texts, DigestContent]:
    """The words of a digest: those of its template, and what it holds.

    Args:
        as_of: when it was settled: what came later is not in it, what was read since neither.
        day: an instant of the day whose interviews are listed; default the day of `as_of`.
    """
    unread = contents.counts([user.id], as_of, now).get(user.id, {})
    total = sum(unread.values())
    data = {"unread_count": total, "digest_date": dates.day(day or as_of, user.time_zone, user.locale)}
    words = wording.renderer_for(wording.by_name(kind), kind, data)(user)
    is_weekly = kind == WEEKLY_SUMMARY
    groups = _weekly(user, as_of, now, base_url) if is_weekly else _daily(user, unread, as_of, now, base_url)
    shown = sum(len(group.lines) for group in groups)
    meetings = _meetings(user, day or as_of, now, is_weekly=is_weekly)
    return words, DigestContent(
        locale=user.locale,
        heading=words.title,
        message=words.message,
        label=str(catalog.TYPES[kind].label),
        category="system",
        facts=(),
        groups=(*meetings, *groups),
        more=ngettext("and %(num)d more", "and %(num)d more", total - shown) if total > shown else "",
        button=(_("Open your inbox"), f"{base_url}/notifications?place=unread"),
        mark=(_("Mark all of these read"), links.link(user, as_of, secret, base_url)),
        reason=str(catalog.TYPES[kind].reason),
        links=(
            (_("Preferences"), f"{base_url}/preferences"),
            (
                _("Unsubscribe from: %(category)s", category=str(catalog.TYPES[kind].label)),
                unsubscribe.unsubscribe_link(user, kind, secret, base_url),
            ),
        ),
        bars=_bars(user, as_of) if is_weekly else (),
        bars_label=_("What came in, and the week before") if is_weekly else "",
    )


def _daily(
    user: User, unread: Mapping[str, int], as_of: datetime, now: datetime, base_url: str
) -> tuple[DigestGroup, ...]:
    """The newest, under their categories; the category with the newest of all comes first."""
    rows: dict[str, list[Notification]] = {}
    for row in contents.newest(user, unread, as_of, now):
        rows.setdefault(row.category, []).append(row)
    return tuple(
        DigestGroup(
            str(catalog.CATEGORIES[category].plural),
            category,
            tuple(_line(row, user, as_of, base_url) for row in some),
            unread.get(category, len(some)),
        )
        for category, some in rows.items()
    )


def _weekly(user: User, as_of: datetime, now: datetime, base_url: str) -> tuple[DigestGroup, ...]:
    rows = contents.oldest(user, as_of, now, OLDEST)
    lines = tuple(_line(row, user, as_of, base_url) for row in rows)
    return (DigestGroup(_("Waiting longest"), "system", lines),) if lines else ()


def _meetings(user: User, day: datetime, now: datetime, *, is_weekly: bool) -> tuple[DigestGroup, ...]:
    start, end = local_time.day_bounds(day, user.time_zone)
    rows = contents.meetings(user, max(start, now), day + WEEK if is_weekly else end)
    lines = tuple(_meeting(row, user, is_weekly=is_weekly) for row in rows)
    label = _("Interviews ahead") if is_weekly else _("Interviews of the day")
    return (DigestGroup(label, "interview", lines),) if lines else ()


def _meeting(row: Interview, user: User, *, is_weekly: bool) -> DigestLine:
    clock = dates.clock(row.starts_at, user.time_zone, user.locale)
    when = f"{dates.short_day(row.starts_at, user.time_zone, user.locale)}, {clock}" if is_weekly else clock
    return DigestLine(
        f"{row.candidate_name}, {row.job_title}", when, row.meeting_url, row.location or row.company_name
    )


def _line(row: Notification, user: User, as_of: datetime, base_url: str) -> DigestLine:
    at = row.surfaced_at or row.created_at
    is_today = local_time.day_bounds(at, user.time_zone) == local_time.day_bounds(as_of, user.time_zone)
    when = (
        dates.clock(at, user.time_zone, user.locale)
        if is_today
        else dates.short_day(at, user.time_zone, user.locale)
    )
    pressing = str(catalog.PRIORITY_LABELS[row.priority]) if row.priority == "urgent" else ""
    return DigestLine(row.title, when, f"{base_url}/notifications/{row.id}", pressing)


def _bars(user: User, as_of: datetime) -> tuple[DigestBar, ...]:
    """The last whole week, Monday to Sunday on the reader's calendar, beside the one before."""
    end = local_time.week_start(as_of, user.time_zone)
    start = local_time.week_start(end - timedelta(days=1), user.time_zone)
    before = local_time.week_start(start - timedelta(days=1), user.time_zone)
    this, last = contents.arrived(user, start, end), contents.arrived(user, before, start)
    longest = max((*this.values(), *last.values()), default=0) or 1
    return tuple(
        DigestBar(
            str(category.plural),
            name,
            this.get(name, 0),
            last.get(name, 0),
            round(100 * this.get(name, 0) / longest),
            round(100 * last.get(name, 0) / longest),
        )
        for name, category in catalog.CATEGORIES.items()
        if name in this or name in last
    )

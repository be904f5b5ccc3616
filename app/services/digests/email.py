"""Composes a digest for its reader when it is sent or previewed."""

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
from app.services.base.recipients import Recipient
from app.services.digests import contents, links
from app.services.preferences import unsubscribe
from app.services.routing import wording

WEEK = timedelta(days=7)
LONGEST_WAITING = 5


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
    """Compose a digest in the language in force.

    Args:
        kind: `daily_digest` or `weekly_summary`.
        as_of: when it was settled. Notifications that arrived later or were read since are left out.
        day: an instant on the day whose interviews are listed; default `as_of`.
    Returns:
        the rendered template, and the content of the email.
    """
    unread = contents.counts([user.id], as_of, now).get(user.id, {})
    total = sum(unread.values())
    data = {"unread_count": total, "digest_date": dates.day(day or as_of, user.time_zone, user.locale)}
    texts = wording.renderer_for(wording.by_name(kind), kind, data)(Recipient.of(user))
    is_weekly = kind == WEEKLY_SUMMARY
    if is_weekly:
        groups = _weekly_groups(user, as_of, now, base_url)
    else:
        groups = _daily_groups(user, unread, as_of, now, base_url)
    listed = sum(len(group.lines) for group in groups)
    meetings = _interview_groups(user, day or as_of, now, is_weekly=is_weekly)
    label = str(catalog.TYPES[kind].label)
    late = _late_note(user, as_of) if is_weekly and day is None else ""
    return texts, DigestContent(
        locale=user.locale,
        heading=texts.title,
        message=f"{late}\n\n{texts.message}" if late else texts.message,
        label=label,
        category="system",
        facts=(),
        groups=(*meetings, *groups),
        more=ngettext("and %(num)d more", "and %(num)d more", total - listed) if total > listed else "",
        button=(_("Open your inbox"), f"{base_url}/notifications?place=unread"),
        mark_read=(_("Mark all of these as read"), links.mark_read_link(user, as_of, secret, base_url)),
        reason=str(catalog.TYPES[kind].reason),
        links=(
            (_("Preferences"), f"{base_url}/preferences"),
            (
                _("Unsubscribe from: %(category)s", category=label),
                unsubscribe.unsubscribe_link(user, kind, secret, base_url),
            ),
        ),
        bars=_bars(user, as_of) if is_weekly else (),
        bars_label=_("Last week, compared with the week before") if is_weekly else "",
    )


def _late_note(user: User, as_of: datetime) -> str:
    """Say that a weekly summary was not settled on its Monday; "" if it was."""
    monday = local_time.week_start(as_of, user.time_zone)
    if as_of < local_time.day_bounds(monday, user.time_zone)[1]:
        return ""
    due = dates.day(monday, user.time_zone, user.locale)
    return _("This summary is late. It was due on %(day)s.", day=due)


def _daily_groups(
    user: User, unread: Mapping[str, int], as_of: datetime, now: datetime, base_url: str
) -> tuple[DigestGroup, ...]:
    """List the newest by category; the category with the newest notification comes first."""
    by_category: dict[str, list[Notification]] = {}
    for row in contents.newest(user, unread, as_of, now):
        by_category.setdefault(row.category, []).append(row)
    return tuple(
        DigestGroup(
            str(catalog.CATEGORIES[category].plural),
            category,
            tuple(_notification_line(row, user, as_of, base_url) for row in rows),
            unread.get(category, len(rows)),
        )
        for category, rows in by_category.items()
    )


def _weekly_groups(user: User, as_of: datetime, now: datetime, base_url: str) -> tuple[DigestGroup, ...]:
    rows = contents.oldest(user, as_of, now, LONGEST_WAITING)
    lines = tuple(_notification_line(row, user, as_of, base_url) for row in rows)
    return (DigestGroup(_("Waiting longest"), "system", lines),) if lines else ()


def _interview_groups(
    user: User, day: datetime, now: datetime, *, is_weekly: bool
) -> tuple[DigestGroup, ...]:
    start, end = local_time.day_bounds(day, user.time_zone)
    rows = contents.upcoming_interviews(user, max(start, now), day + WEEK if is_weekly else end)
    lines = tuple(_interview_line(row, user, is_weekly=is_weekly) for row in rows)
    label = _("Upcoming interviews") if is_weekly else _("Interviews of the day")
    return (DigestGroup(label, "interview", lines),) if lines else ()


def _interview_line(row: Interview, user: User, *, is_weekly: bool) -> DigestLine:
    when = dates.start_time_of_span(
        row.starts_at, row.ends_at, user.time_zone, user.locale, format_day=dates.short_day
    )
    if is_weekly:
        when = f"{dates.short_day(row.starts_at, user.time_zone, user.locale)}, {when}"
    return DigestLine(
        f"{row.candidate_name}, {row.job_title}", when, row.meeting_url, row.location or row.company_name
    )


def _notification_line(row: Notification, user: User, as_of: datetime, base_url: str) -> DigestLine:
    at = row.surfaced_at or row.created_at
    is_today = local_time.day_bounds(at, user.time_zone) == local_time.day_bounds(as_of, user.time_zone)
    format_time = dates.clock if is_today else dates.short_day
    return DigestLine(
        title=row.title,
        when=format_time(at, user.time_zone, user.locale),
        url=f"{base_url}/notifications/{row.id}",
        detail=str(catalog.PRIORITY_LABELS[row.priority]) if row.priority == "urgent" else "",
    )


def _bars(user: User, as_of: datetime) -> tuple[DigestBar, ...]:
    """Compare the last full week, Monday to Sunday in the reader's time zone, with the week before."""
    end = local_time.week_start(as_of, user.time_zone)
    start = local_time.week_start(end - timedelta(days=1), user.time_zone)
    start_before = local_time.week_start(start - timedelta(days=1), user.time_zone)
    counts = contents.arrived(user, start, end)
    counts_before = contents.arrived(user, start_before, start)
    longest = max((*counts.values(), *counts_before.values()), default=0) or 1
    return tuple(
        DigestBar(
            label=str(category.plural),
            category=name,
            count=counts.get(name, 0),
            before=counts_before.get(name, 0),
            width=round(100 * counts.get(name, 0) / longest),
            width_before=round(100 * counts_before.get(name, 0) / longest),
        )
        for name, category in catalog.CATEGORIES.items()
        if name in counts or name in counts_before
    )

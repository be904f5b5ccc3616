"""Composes a digest for its reader when it is sent or previewed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import NamedTuple

from flask_babel import format_decimal, ngettext
from flask_babel import gettext as _

from app import catalog, safe_urls
from app.catalog import WEEKLY_SUMMARY
from app.models import User
from app.rendering import dates, plain_text
from app.rendering.digest_email import DigestBar, DigestContent, DigestGroup, DigestLine
from app.rendering.key_facts import SEPARATOR, second_line
from app.rendering.texts import Texts
from app.services.base import local_time
from app.services.base.recipients import Recipient
from app.services.digests import contents, links
from app.services.digests.contents import UnreadLine
from app.services.digests.reading import DigestContents, read_contents
from app.services.interviews.agenda import Agenda, AgendaEntry
from app.services.preferences import unsubscribe
from app.services.routing import wording

MAX_INTERVIEWS, MAX_PREVIEWED, MAX_DETAIL = 10, 3, 140
LONGEST_WAITING = 5


class DigestTexts(NamedTuple):
    """The texts of a digest that depend only on its kind and language. `categories` are the headings, by category."""

    label: str
    reason: str
    open_inbox: str
    mark_read: str
    preferences: str
    unsubscribe: str
    categories: dict[str, str]


@cache
def _fixed_texts(kind: str, _locale: str) -> DigestTexts:
    """Translate the fixed texts of a kind of digest into the language in force, whose name is `_locale`."""
    spec = catalog.TYPES[kind]
    return DigestTexts(
        label=str(spec.label),
        reason=str(spec.reason),
        open_inbox=_("Open your inbox"),
        mark_read=_("Mark all of these as read"),
        preferences=_("Preferences"),
        unsubscribe=_("Unsubscribe from: %(category)s", category=str(spec.label)),
        categories={name: str(category.plural) for name, category in catalog.CATEGORIES.items()},
    )


def compose_digest(
    kind: str,
    user: User,
    as_of: datetime,
    now: datetime,
    *,
    base_url: str,
    secret: str,
    day: datetime | None = None,
    found: DigestContents | None = None,
) -> tuple[Texts, DigestContent]:
    """Compose a digest in the language in force.

    Args:
        kind: `daily_digest` or `weekly_summary`.
        as_of: when it was settled. Notifications that arrived later or were read since are left out.
        day: an instant on the day whose interviews are listed; default `as_of`.
        found: what was read for it a moment ago, unless it is to be read now.
    Returns:
        the rendered template, and the content of the email.
    """
    found = found or read_contents(kind, [user], as_of, now, day)[user.id]
    (unread, newest), agenda = found.unread, found.agenda
    fixed = _fixed_texts(kind, user.locale)
    total = sum(unread.values())
    is_weekly = kind == WEEKLY_SUMMARY
    data = {
        "unread_count": total,
        "digest_date": dates.day(day or as_of, user.time_zone, user.locale),
        "headline": _headline(agenda, total, user, day or as_of, is_weekly=is_weekly),
    }
    texts = wording.renderer_for(found.template, kind, data)(Recipient.from_user(user))
    if is_weekly:
        lines = contents.load_oldest(user.id, as_of, now, LONGEST_WAITING)
        groups = _weekly_groups(user, lines, as_of, base_url)
    else:
        lines = newest
        groups = _daily_groups(user, unread, lines, as_of, base_url, headings=fixed.categories)
    listed = sum(line.covers for line in lines)
    meetings = _agenda_groups(agenda, user, day or as_of, base_url, is_weekly=is_weekly)
    late = _late_note(user, as_of) if is_weekly and day is None else ""
    return texts, DigestContent(
        locale=user.locale,
        heading=texts.title,
        message=f"{late}\n\n{texts.message}" if late else texts.message,
        preview=texts.email_preheader or _preview((*meetings, *groups)),
        label=fixed.label,
        category="system",
        facts=(),
        groups=(*meetings, *groups),
        more=_more(total - listed),
        button=(texts.email_button or fixed.open_inbox, f"{base_url}/notifications?place=unread"),
        mark_read=(fixed.mark_read, links.mark_read_link(user, as_of, secret, base_url)),
        reason=fixed.reason,
        links=(
            (fixed.preferences, f"{base_url}/preferences"),
            (fixed.unsubscribe, unsubscribe.unsubscribe_link(user, kind, secret, base_url)),
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
    user: User,
    unread: Mapping[str, int],
    newest: Sequence[UnreadLine],
    as_of: datetime,
    base_url: str,
    *,
    headings: Mapping[str, str],
) -> tuple[DigestGroup, ...]:
    """List the newest by category; the category with the newest notification comes first."""
    by_category: dict[str, list[UnreadLine]] = {}
    for row in newest:
        by_category.setdefault(row.category, []).append(row)
    return tuple(
        DigestGroup(
            headings[category],
            category,
            _notification_lines(rows, user, as_of, base_url),
            unread[category],
        )
        for category, rows in by_category.items()
    )


def _weekly_groups(
    user: User, oldest: Sequence[UnreadLine], as_of: datetime, base_url: str
) -> tuple[DigestGroup, ...]:
    lines = _notification_lines(oldest, user, as_of, base_url)
    return (DigestGroup(_("Waiting longest"), "system", lines),) if lines else ()


def _more(number: int) -> str:
    return (
        ngettext("and %(n)s more", "and %(n)s more", number, n=format_decimal(number)) if number > 0 else ""
    )


def _headline(agenda: Agenda, unread: int, user: User, day: datetime, *, is_weekly: bool) -> str:
    """Say what matters: "2 interviews today, 12 unread"."""
    number = ngettext("%(n)s unread", "%(n)s unread", unread, n=format_decimal(unread))
    if not agenda.interviews:
        return number
    if is_weekly:
        count = len(agenda.interviews)
        interviews = ngettext("%(num)d interview this week", "%(num)d interviews this week", count)
    else:
        _start, end = local_time.day_bounds(day, user.time_zone)
        count = sum(entry.starts_at < end for entry in agenda.interviews)
        interviews = ngettext("%(num)d interview today", "%(num)d interviews today", count)
    return _("%(interviews)s, %(unread)s", interviews=interviews, unread=number) if count else number


def _agenda_groups(
    agenda: Agenda, user: User, day: datetime, base_url: str, *, is_weekly: bool
) -> tuple[DigestGroup, ...]:
    start, end = local_time.day_bounds(day, user.time_zone)
    overlapping = agenda.overlapping
    by_label: dict[str, list[DigestLine]] = {}
    for entry in agenda.interviews[:MAX_INTERVIEWS]:
        if is_weekly:
            label = _("Upcoming interviews")
        else:
            label = _("Today's interviews") if entry.starts_at < end else _("Tomorrow's interviews")
        has_day = is_weekly or entry.starts_at < start
        line = _interview_line(entry, user, has_day=has_day, overlaps=entry.id in overlapping)
        by_label.setdefault(label, []).append(line)
    for entry in agenda.unevaluated[-LONGEST_WAITING:]:
        by_label.setdefault(_("Evaluations due"), []).append(_evaluation_line(entry, user, base_url))
    return tuple(DigestGroup(label, "interview", tuple(lines)) for label, lines in by_label.items())


def _interview_line(entry: AgendaEntry, user: User, *, has_day: bool, overlaps: bool) -> DigestLine:
    when = dates.clock(entry.starts_at, user.time_zone, user.locale)
    if has_day:
        when = f"{dates.short_day(entry.starts_at, user.time_zone, user.locale)}, {when}"
    details = (_("Overlaps another interview") if overlaps else "", entry.location or entry.company_name)
    return DigestLine(_name(entry), when, entry.meeting_url, SEPARATOR.join(filter(None, details)))


def _evaluation_line(entry: AgendaEntry, user: User, base_url: str) -> DigestLine:
    page = f"{base_url}/notifications/{entry.notification_id}" if entry.notification_id else ""
    day = dates.short_day(entry.starts_at, user.time_zone, user.locale)
    url = entry.action_url if safe_urls.is_web_address(entry.action_url) else page
    return DigestLine(_name(entry), day, url, entry.company_name)


def _name(entry: AgendaEntry) -> str:
    return f"{entry.candidate_name}, {entry.job_title}"


def _preview(groups: Sequence[DigestGroup]) -> str:
    """Return what mail programs show beside the subject: the first lines."""
    lines = [line for group in groups for line in group.lines][:MAX_PREVIEWED]
    return SEPARATOR.join(f"{line.when} {line.title}" for line in lines)


def _detail(row: UnreadLine, user: User, now: datetime) -> str:
    line = plain_text.truncate(second_line(row, user.time_zone, user.locale, now), MAX_DETAIL)
    urgent = str(catalog.PRIORITY_LABELS["urgent"]) if row.priority == "urgent" else ""
    moved = ngettext("moved %(num)d time", "moved %(num)d times", row.moves) if row.moves > 1 else ""
    return SEPARATOR.join(part for part in (urgent, line, moved) if part)


def _notification_lines(
    rows: Sequence[UnreadLine], user: User, as_of: datetime, base_url: str
) -> tuple[DigestLine, ...]:
    """One line for each: of today with its time, older ones with their day."""
    today, tomorrow = local_time.day_bounds(as_of, user.time_zone)
    return tuple(
        DigestLine(
            title=row.title,
            when=(dates.clock if today <= row.arrived_at < tomorrow else dates.short_day)(
                row.arrived_at, user.time_zone, user.locale
            ),
            url=f"{base_url}/notifications/{row.id}",
            detail=_detail(row, user, as_of),
        )
        for row in rows
    )


def _bars(user: User, as_of: datetime) -> tuple[DigestBar, ...]:
    """Compare the last full week, Monday to Sunday in the reader's time zone, with the week before."""
    end = local_time.week_start(as_of, user.time_zone)
    start = local_time.week_start(end - timedelta(days=1), user.time_zone)
    start_before = local_time.week_start(start - timedelta(days=1), user.time_zone)
    counts = contents.count_arrivals(user.id, start, end)
    counts_before = contents.count_arrivals(user.id, start_before, start)
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

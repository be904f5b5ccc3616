"""The facts that decide, in one line: when an interview is, how many files failed, which stage a candidate is in.

Rows, the preview of an email, push messages, digests and chats show this line below the title. The message, whose text
admins write, is for the pane and the email.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from flask_babel import format_decimal, ngettext
from flask_babel import gettext as _

from app.rendering import dates
from app.rendering.texts import one_line, to_plain_text

# Facts that are kept with a notification, as far as its event has them.
INSTANTS = ("starts_at", "previous_starts_at")
COUNTS = ("successful", "failed")
TEXTS = (
    "candidate_name",
    "job_title",
    "company_name",
    "interview_date",
    "stage",
    "previous_stage",
    "start_date",
    "reason",
    "request",
)
# Names under which resume parsers report the same facts.
NAMES, SKILLS, YEARS = (
    ("name", "full_name"),
    ("skills",),
    ("years", "years_of_experience", "experience_years"),
)
MAX_TEXT, MAX_SKILLS, MAX_YEARS = 120, 5, 99
SEPARATOR = " · "


class FactsLine(NamedTuple):
    """The line, in two parts: when something is, or what it was and is now; and what else is known."""

    when: str = ""
    about: str = ""

    def __bool__(self) -> bool:
        return any(self)

    def __str__(self) -> str:
        return SEPARATOR.join(part for part in self if part)


def select_facts(data: Mapping[str, Any]) -> dict[str, Any]:
    """Select the facts of an event that the line shows, as JSON values.

    Args:
        data: an event's data, or the context of a template; an instant may be an aware datetime. `previous_starts_at`
            is when a moved interview was to begin before.
    """
    facts: dict[str, Any] = {}
    for name in INSTANTS:
        if instant := _instant(data.get(name)):
            facts[name] = instant.isoformat()
    facts |= {name: data[name] for name in COUNTS if isinstance(data.get(name), int)}
    for name in TEXTS:
        if (value := data.get(name)) and isinstance(value, str):
            facts[name] = one_line(value)[:MAX_TEXT]
    if extracted := data.get("extracted_data"):
        facts |= _resume_facts(extracted)
    return facts


def facts_line(
    notification_type: str, facts: Mapping[str, Any], time_zone: str, locale: str, now: datetime
) -> FactsLine:
    """Write the facts of a notification on one line, in the current language; empty if none are known.

    Args:
        facts: what `select_facts` returned.
        time_zone, locale: the reader's.
        now: a day of another year is written with its year.
    """
    build = LINES.get(notification_type) if facts else None
    return build(facts, _Clock(time_zone, locale, now)) if build else FactsLine()


class WithFacts(Protocol):
    """The fields of a notification that `second_line` reads."""

    @property
    def notification_type(self) -> str: ...
    @property
    def message(self) -> str: ...
    @property
    def facts(self) -> Mapping[str, Any]: ...


def second_line(notification: WithFacts, time_zone: str, locale: str, now: datetime) -> str:
    """Write the line below a notification's title as plain text: its facts, or its message where there are none.

    For emails, push messages, digests and chats, in the current language.

    Args:
        time_zone, locale, now: see `facts_line`.
    """
    line = facts_line(notification.notification_type, notification.facts or {}, time_zone, locale, now)
    return str(line) or one_line(notification.message)


class _Clock(NamedTuple):
    time_zone: str
    locale: str
    now: datetime

    def read(self, instant: datetime) -> str:
        return dates.short(instant, self.time_zone, self.locale, self.now)

    def read_time(self, instant: datetime) -> str:
        return dates.clock(instant, self.time_zone, self.locale)


def _interview(facts: Mapping[str, Any], clock: _Clock) -> FactsLine:
    return FactsLine(_when(facts, clock), _join(facts, "job_title", "company_name"))


def previous_start(facts: Mapping[str, Any]) -> datetime | None:
    """Return when a moved interview was to begin before, if that is known."""
    return _instant(facts.get("previous_starts_at"))


def _when(facts: Mapping[str, Any], clock: _Clock) -> str:
    start, previous = _instant(facts.get("starts_at")), previous_start(facts)
    if start is None:
        return str(facts.get("interview_date", ""))
    if previous is None or previous == start:
        return clock.read(start)
    is_same_day = not dates.ends_on_another_day(previous, start, clock.time_zone)
    new = clock.read_time(start) if is_same_day else clock.read(start)
    return _("%(old)s → %(new)s", old=clock.read(previous), new=new)


def _stage(facts: Mapping[str, Any], _clock: _Clock) -> FactsLine:
    old, new = facts.get("previous_stage", ""), facts.get("stage", "")
    stages = _("%(old)s → %(new)s", old=old, new=new) if old and new else new
    return FactsLine(stages, _join(facts, "job_title", "company_name"))


def _hire(facts: Mapping[str, Any], _clock: _Clock) -> FactsLine:
    start = facts.get("start_date")
    first_day = _("First day: %(date)s", date=start) if start else ""
    return FactsLine(first_day, _join(facts, "job_title", "company_name"))


def _resume(facts: Mapping[str, Any], _clock: _Clock) -> FactsLine:
    years = facts.get("years")
    experience = (
        ngettext("%(years)s year", "%(years)s years", years, years=format_decimal(years)) if years else ""
    )
    parts = (
        facts.get("candidate_name"),
        ", ".join(facts.get("skills", ())),
        experience,
        facts.get("extract"),
    )
    return FactsLine(about=SEPARATOR.join(part for part in parts if part))


def _upload(facts: Mapping[str, Any], _clock: _Clock) -> FactsLine:
    if not facts.keys() >= set(COUNTS):
        return FactsLine()
    parsed, failed = (format_decimal(facts[name]) for name in COUNTS)
    if not facts["failed"]:
        return FactsLine(about=_("%(parsed)s parsed", parsed=parsed))
    return FactsLine(about=_("%(parsed)s parsed, %(failed)s failed", parsed=parsed, failed=failed))


def _texts(*names: str) -> Callable[[Mapping[str, Any], _Clock], FactsLine]:
    return lambda facts, _clock: FactsLine(about=_join(facts, *names))


# Types without a line, such as alerts, show their message.
LINES: dict[str, Callable[[Mapping[str, Any], _Clock], FactsLine]] = {
    "interview_scheduled": _interview,
    "interview_rescheduled": _interview,
    "interview_cancelled": _interview,
    "interview_reminder": _interview,
    "evaluation_due": _interview,
    "resume_processed": _resume,
    "bulk_upload_completed": _upload,
    "candidate_added": _texts("job_title", "company_name"),
    "candidate_stage_changed": _stage,
    "candidate_hired": _hire,
    "candidate_rejected": _texts("job_title", "company_name", "reason"),
    "offer_created": _texts("job_title", "company_name"),
    "offer_accepted": _hire,
    "approval_requested": _texts("request", "job_title", "company_name"),
    "job_created": _texts("company_name"),
    "evaluation_completed": _texts("job_title", "company_name"),
}


def _join(facts: Mapping[str, Any], *names: str) -> str:
    return SEPARATOR.join(facts[name] for name in names if facts.get(name))


def _resume_facts(extracted: Any) -> dict[str, Any]:
    """Find a candidate's name, skills and years of experience in what a parser extracted; else keep it as a text."""
    if not isinstance(extracted, Mapping):
        return {"extract": one_line(to_plain_text(extracted))[:MAX_TEXT]}
    found: dict[str, Any] = {}
    if (name := _first(extracted, NAMES)) and isinstance(name, str):
        found["candidate_name"] = one_line(name)[:MAX_TEXT]
    skills = _first(extracted, SKILLS)
    if isinstance(skills, list):
        found["skills"] = [one_line(to_plain_text(skill))[:MAX_TEXT] for skill in skills[:MAX_SKILLS]]
    years = _first(extracted, YEARS)
    if isinstance(years, int | float) and 1 <= years <= MAX_YEARS:
        found["years"] = round(years)
    return found or {"extract": one_line(to_plain_text(extracted))[:MAX_TEXT]}


def _first(values: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((values[name] for name in names if values.get(name)), None)


@lru_cache(maxsize=10_000)
def _parsed(text: str) -> datetime | None:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    return instant if instant.tzinfo else None


def _instant(value: Any) -> datetime | None:
    if isinstance(value, datetime):
        return value
    return _parsed(value) if isinstance(value, str) else None

"""The facts of an interview, labelled the same way on the page, in emails and in chats."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from flask_babel import gettext as _

from app import safe_urls
from app.rendering import dates

MAPS = "https://www.openstreetmap.org/search?query="
# A place with a house number, a comma and a postal code is an address; "Room 1204, 3rd floor" is not.
_ADDRESS = re.compile(
    r"(?=.*,)(?=(?:.*?\b\d+[A-Za-z]?\b){2}).*\b\d{4,6}\b|.*\b[A-Z]{1,2}\d[\dA-Z]? \d[A-Z]{2}\b"
)
_PHONE = re.compile(r"\+?\d[\d ()./-]{5,}\d")


@dataclass(frozen=True)
class InterviewDetails:
    """An interview as plain data; `external_id` is the platform's own id."""

    external_id: str
    starts_at: datetime
    ends_at: datetime
    candidate_name: str
    job_title: str
    company_name: str
    meeting_url: str = ""
    location: str = ""
    interviewer: str = ""


class Fact(NamedTuple):
    """One labelled fact.

    `url` is where its text leads, if anywhere. `plain_text` replaces the text where there are no links and no lines
    through texts. `is_over` says that it held before; `is_name`, that it names a person, a job or a company.
    """

    label: str
    text: str
    url: str = ""
    plain_text: str = ""
    is_over: bool = False
    is_name: bool = False

    @property
    def plain(self) -> str:
        return self.plain_text or self.text


@dataclass(frozen=True)
class FactsReader:
    """Who reads the facts. A day of another year than `now` is written with it. `names_zone`: times say whose clock."""

    time_zone: str
    locale: str
    now: datetime
    names_zone: bool = True


def interview_facts(
    interview: InterviewDetails,
    reader: FactsReader,
    *,
    previous_starts_at: datetime | None = None,
    is_cancelled: bool = False,
) -> list[Fact]:
    """List the known facts of an interview, in the reader's time zone and the current language.

    Args:
        previous_starts_at: when it was to begin before it was moved.
        is_cancelled: strike the time through, and leave the call out.
    """
    span = dates.span(interview.starts_at, interview.ends_at, reader.time_zone, reader.locale, reader.now)
    if reader.names_zone:
        span = _("%(times)s (%(zone)s)", times=span, zone=dates.zone_label(reader.time_zone))
    when = Fact(_("When"), span)
    if is_cancelled:
        interview = replace(interview, meeting_url="")
        when = Fact(_("When"), span, plain_text=_("%(times)s, cancelled", times=span), is_over=True)
    facts = [when]
    if previous_starts_at:
        before = dates.short_with_comma(previous_starts_at, reader.time_zone, reader.locale, reader.now)
        facts.append(Fact(_("Was"), before, is_over=True))
    return [*facts, *facts_without_time(interview)]


def facts_without_time(interview: InterviewDetails) -> list[Fact]:
    """List the known facts of an interview except when it is, in the current language."""
    facts = [
        Fact(_("Where"), interview.location, link_of_place(interview.location)),
        _meeting(interview.meeting_url),
        Fact(_("Candidate"), interview.candidate_name, is_name=True),
        Fact(_("Job"), interview.job_title, is_name=True),
        Fact(_("Company"), interview.company_name, is_name=True),
        Fact(_("Interviewer"), interview.interviewer),
    ]
    return [fact for fact in facts if fact.text]


def _meeting(url: str) -> Fact:
    """Name a video call by its host: the rest of the URL means nothing to people."""
    if not safe_urls.is_web_address(url):
        return Fact(_("Video call"), url)
    host = (urlsplit(url).hostname or "").removeprefix("www.")
    return Fact(_("Video call"), host, url, plain_text=url)


def link_of_place(place: str) -> str:
    """Return a link that calls a phone number, or that finds an address on a map; "" for other places."""
    if phone := _PHONE.search(place):
        digits = re.sub(r"[^\d+]", "", phone[0])
        if len(digits.removeprefix("+")) >= 7 and (digits.startswith("+") or phone[0] == place):
            return f"tel:{digits}"
    return MAPS + quote(place) if _ADDRESS.match(place) else ""

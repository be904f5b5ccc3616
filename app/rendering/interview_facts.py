"""The facts of an interview, labelled the same way on the page and in emails."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from flask_babel import gettext as _

from app.rendering import dates


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
    """One labelled fact; `url` is set where the text is a link, and is not checked."""

    label: str
    text: str
    url: str = ""


def interview_facts(interview: InterviewDetails, time_zone: str, locale: str) -> list[Fact]:
    """List the known facts of an interview, in the reader's time zone and the current language.

    Args:
        locale: how dates are written.
    """
    facts = [
        Fact(_("When"), dates.interval(interview.starts_at, interview.ends_at, time_zone, locale)),
        Fact(_("Where"), interview.location),
        Fact(_("Meeting link"), interview.meeting_url, interview.meeting_url),
        Fact(_("Candidate"), interview.candidate_name),
        Fact(_("Job"), interview.job_title),
        Fact(_("Company"), interview.company_name),
        Fact(_("Interviewer"), interview.interviewer),
    ]
    return [fact for fact in facts if fact.text]

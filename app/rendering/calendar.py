"""Calendar files for interviews (RFC 5545, sent as RFC 6047 asks)."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from flask_babel import gettext as _
from icalendar import Calendar, Event, vCalAddress, vText, vUri

from app.rendering.interview_facts import InterviewDetails, facts_without_time
from app.rendering.texts import one_line

# Fixed, so that an interview keeps its UID even when the server is renamed.
NAMESPACE = uuid.UUID("5f0cbd4e-5b1c-4f4e-9d0a-0f6a2d1c7b11")
METHODS = {
    "interview_scheduled": "REQUEST",
    "interview_rescheduled": "REQUEST",
    "interview_reminder": "REQUEST",
    "interview_cancelled": "CANCEL",
}


def build_calendar_file(
    interview: InterviewDetails,
    *,
    method: str,
    sequence: int,
    organizer: tuple[str, str],
    attendee: tuple[str, str] | None = None,
    made_at: datetime,
) -> bytes:
    """Build the calendar file that invites to an interview, moves it, cancels it, or adds it to a calendar.

    Args:
        method: `REQUEST`, `CANCEL`, or `PUBLISH` for a file that a person opens by hand; it has no attendee (RFC 5546,
            3.2.1).
        sequence: higher with every change, so that calendars keep the newest version (3.8.7.4).
        organizer, attendee: a name and an email address each.
        made_at: when this version was created (DTSTAMP).
    """
    entry = Event()
    entry.add("uid", str(uuid.uuid5(NAMESPACE, interview.external_id)))
    entry.add("sequence", sequence)
    entry.add("dtstamp", made_at.astimezone(UTC))
    entry.add("dtstart", interview.starts_at.astimezone(UTC))
    entry.add("dtend", interview.ends_at.astimezone(UTC))
    entry.add(
        "summary",
        one_line(
            _(
                "Interview: %(candidate)s, %(job)s",
                candidate=interview.candidate_name,
                job=interview.job_title,
            )
        ),
    )
    if location := one_line(interview.location or interview.meeting_url):
        entry.add("location", location)
    entry.add("description", _description(interview))
    if interview.meeting_url:
        link = vUri(interview.meeting_url)
        entry.add("url", link)
        # For the "Join" buttons of Apple's and newer calendars (RFC 7986, 5.11), and of Google's.
        parameters = {"VALUE": "URI", "LABEL": _("Video call")}
        entry.add("conference", vUri(interview.meeting_url, params=parameters), encode=False)
        entry.add("x-google-conference", link, encode=False)
    entry.add("status", "CANCELLED" if method == "CANCEL" else "CONFIRMED")
    entry.add("organizer", _calendar_user(*organizer), encode=False)
    if attendee:
        entry.add(
            "attendee",
            _calendar_user(
                *attendee, cutype="INDIVIDUAL", role="REQ-PARTICIPANT", partstat="NEEDS-ACTION", rsvp="FALSE"
            ),
            encode=False,
        )
    calendar = Calendar()
    calendar.add("prodid", "-//Bellhop//Bellhop//EN")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", method)
    calendar.add_component(entry)
    return bytes(calendar.to_ical())


def _description(interview: InterviewDetails) -> str:
    """List the facts, the link first: Outlook and Google do not show `URL`."""
    facts = sorted(facts_without_time(interview), key=lambda fact: fact.plain != interview.meeting_url)
    lines = ((fact.label, one_line(fact.plain)) for fact in facts)
    return "\n".join(_("%(label)s: %(text)s", label=label, text=text) for label, text in lines if text)


def _calendar_user(name: str, address: str, **parameters: str) -> vCalAddress:
    person = vCalAddress(f"mailto:{address}")
    # A parameter cannot contain a double quote, not even when quoted (3.2).
    for key, value in ({"cn": one_line(name).replace('"', "'")} | parameters).items():
        if value:
            person.params[key] = vText(value)
    return person

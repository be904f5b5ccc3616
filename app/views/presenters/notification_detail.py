"""A notification in detail: its facts, deliveries and reason."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from flask import request
from flask_babel import get_locale
from flask_babel import gettext as _

from app import safe_urls
from app.clock import utc_now
from app.rendering.interview_facts import Fact, FactsReader, interview_facts
from app.rendering.key_facts import previous_start
from app.rendering.main_links import MainLink, main_links
from app.services.interviews import evaluations, records
from app.services.routing import routes
from app.services.sending import channel_outages
from app.views.presenters import reason_links, threads
from app.views.presenters.threads import Thread
from app.views.web.auth import current_user, this_session
from app.views.web.datetime_filters import back_at, long_time

if TYPE_CHECKING:
    from app.models import Delivery, Notification
    from app.services.notifications.inbox import InboxRow

MAX_FACT_LENGTH = 500


class Step(NamedTuple):
    """A line of "How this reached you". `change_url` is where the reader can change what decided; it may be empty."""

    channel: str
    text: str
    at: datetime | None
    change_url: str


class Marks(NamedTuple):
    """The state of a notification for its reader; apart from its id, its buttons depend on nothing else."""

    is_read: bool
    is_done: bool
    is_saved: bool
    is_snoozed: bool


class Body(NamedTuple):
    """Everything that the reading pane shows below its buttons. Its HTML is kept by these values.

    `returns` says when a snoozed notification returns. `links` say where the notification leads, the most important
    first; `has_calendar_file`, that its interview can be added to a calendar; `threads` lead to everything about the
    candidate and the job. `is_attendance_asked`, that it asks for an evaluation, and `is_absent` what its reader said.
    """

    id: int
    notification_type: str
    category: str
    title: str
    message: str
    priority: str
    returns: str
    datetime: str
    time: str
    note: str
    facts: tuple[Fact, ...]
    links: tuple[MainLink, ...]
    has_calendar_file: bool
    threads: tuple[Thread, ...]
    trail: tuple[Step, ...]
    why: str
    is_attendance_asked: bool
    is_absent: bool


class Detail(NamedTuple):
    """The content of the reading pane, with the row that it shows."""

    row: Notification
    marks: Marks
    body: Body


def build_detail(row: Notification) -> Detail:
    """Build the detail of a notification whose interview and deliveries are loaded."""
    outages, now = channel_outages.outages_of(row.deliveries), utc_now()
    is_ahead = records.is_ahead(row.interview, now)
    is_asked = row.notification_type == "evaluation_due"
    shown_at = row.created_at if row.snoozed_until else row.surfaced_at or row.created_at
    body = Body(
        id=row.id,
        notification_type=row.notification_type,
        category=row.category,
        title=row.title,
        message=row.message,
        priority=row.priority,
        returns=back_at(row.snoozed_until, now) if row.snoozed_until else "",
        datetime=shown_at.isoformat(timespec="seconds"),
        time=long_time(shown_at, now),
        note=_note(row),
        facts=(*_interview_facts(row, now), *_metadata_facts(row.data)),
        links=tuple(_links(row, can_join=is_ahead)),
        has_calendar_file=is_ahead,
        threads=tuple(threads.threads_of(row)),
        trail=tuple(_step(delivery, row.category, outages) for delivery in row.deliveries),
        why=str(routes.reader_reason(row.notification_type, row.routed_by)),
        is_attendance_asked=is_asked and row.interview_id is not None,
        is_absent=_is_absent(row),
    )
    return Detail(row, marks_of(row), body)


def marks_of(row: InboxRow | Notification) -> Marks:
    """Return the marks of a notification."""
    return Marks(row.is_read, row.is_done, row.saved_at is not None, row.snoozed_until is not None)


def _is_absent(row: Notification) -> bool:
    """Whether the reader said that they did not attend the interview whose evaluation is due."""
    if row.notification_type != "evaluation_due" or row.interview_id is None:
        return False
    return evaluations.is_absent(current_user, row.interview_id)


def _links(row: Notification, *, can_join: bool) -> list[MainLink]:
    meeting_url = row.interview.meeting_url if row.interview else ""
    links = main_links(row.notification_type, row.action_url, meeting_url, can_join=can_join)
    # A path is one within Bellhop.
    return [
        MainLink(label, request.script_root + url if safe_urls.is_path(url) else url) for label, url in links
    ]


def _interview_facts(row: Notification, now: datetime) -> list[Fact]:
    interview = row.interview
    if interview is None:
        return []
    is_current = row.interview_sequence == interview.sequence
    return interview_facts(
        records.interview_details(interview),
        FactsReader(this_session().time_zone, str(get_locale()), now, names_zone=False),
        previous_starts_at=previous_start(row.facts) if is_current else None,
        is_cancelled=interview.status == "cancelled",
    )


def _metadata_facts(data: dict[str, Any]) -> list[Fact]:
    """Format the metadata of the sender as facts."""
    facts = []
    for name, value in data.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if text and value is not None:
            label = str(name).replace("_", " ").strip().capitalize()
            url = text if safe_urls.is_web_address(text) else ""
            facts.append(Fact(label, text[:MAX_FACT_LENGTH], url))
    return facts


def _note(row: Notification) -> str:
    """Say what has happened to the interview since the notification was created."""
    interview = row.interview
    if interview is None or row.notification_type == "interview_cancelled":
        return ""
    if interview.status == "cancelled":
        return _("This interview has since been cancelled.")
    if row.interview_sequence is not None and row.interview_sequence < interview.sequence:
        return _("This interview has since changed. The details below are current.")
    return ""


def _step(delivery: Delivery, category: str, outages: Mapping[str, channel_outages.Outage]) -> Step:
    return Step(
        channel=delivery.channel,
        text=channel_outages.describe_delivery(
            delivery, outages, this_session().time_zone, str(get_locale())
        ),
        at=delivery.sent_at,
        change_url=reason_links.change_url(delivery.reason, category),
    )

"""A notification in detail: its facts, deliveries and reason."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from flask import request
from flask_babel import LazyString, get_locale
from flask_babel import gettext as _

from app import catalog, safe_urls
from app.rendering.interview_facts import interview_facts
from app.services.interviews import evaluations, records
from app.services.sending import channel_outages
from app.views.web.auth import current_user

if TYPE_CHECKING:
    from app.models import ChannelOutage, Delivery, Interview, Notification

MAX_FACT_LENGTH = 500


@dataclass(frozen=True)
class Step:
    """A line of "How this reached you"."""

    icon: str
    channel: LazyString
    text: str
    at: datetime | None


@dataclass(frozen=True)
class Detail:
    """The content of the reading pane. `facts` are label, text and, if the text is a link, its URL."""

    row: Notification
    facts: list[tuple[str, str, str]]
    note: str
    action_url: str
    trail: list[Step]
    why: LazyString
    is_absent: bool = False


def build_detail(row: Notification) -> Detail:
    """Build the detail of a notification whose interview and deliveries are loaded."""
    outages = channel_outages.current_outages()
    return Detail(
        row=row,
        facts=[*_interview_facts(row.interview), *_metadata_facts(row.data)],
        note=_note(row),
        action_url=safe_link(row.action_url),
        trail=[_step(delivery, outages) for delivery in row.deliveries],
        why=catalog.TYPES[row.notification_type].reason,
        is_absent=_is_absent(row),
    )


def _is_absent(row: Notification) -> bool:
    """Whether the reader said that they did not attend the interview whose evaluation is due."""
    if row.notification_type != "evaluation_due" or row.interview_id is None:
        return False
    return evaluations.is_absent(current_user, row.interview_id)


def safe_link(url: str) -> str:
    """The URL if people may be sent to it, else an empty string. A path is one within Bellhop."""
    if not safe_urls.is_link(url):
        return ""
    return request.script_root + url if safe_urls.is_path(url) else url


def _interview_facts(interview: Interview | None) -> list[tuple[str, str, str]]:
    if interview is None:
        return []
    facts = interview_facts(records.details_of(interview), current_user.time_zone, str(get_locale()))
    return [(fact.label, fact.text, safe_link(fact.url)) for fact in facts]


def _metadata_facts(data: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Format the metadata of the sender as facts."""
    facts = []
    for name, value in data.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if text and value is not None:
            label = str(name).replace("_", " ").strip().capitalize()
            facts.append((label, text[:MAX_FACT_LENGTH], safe_link(text) if text.startswith("http") else ""))
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


def _step(delivery: Delivery, outages: Mapping[str, ChannelOutage]) -> Step:
    return Step(
        icon=catalog.CHANNELS[delivery.channel].icon,
        channel=catalog.CHANNELS[delivery.channel].label,
        text=channel_outages.describe_delivery(delivery, outages, current_user.time_zone, str(get_locale())),
        at=delivery.sent_at,
    )

"""One notification as its reader sees it: facts, how it came, and why."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import LazyString, get_locale
from flask_babel import gettext as _

from app import catalog, safe_urls
from app.rendering.interview_facts import interview_facts
from app.services.interviews import evaluations, records
from app.services.routing import reasons
from app.views.web.auth import current_user

LONGEST_FACT = 500


@dataclass(frozen=True)
class Step:
    """One line of "How this reached you"."""

    icon: str
    channel: LazyString
    words: str
    at: datetime | None


@dataclass(frozen=True)
class Detail:
    """What the reading pane shows. `facts` are label, text and, where the text is one, a link."""

    row: Any
    facts: list[tuple[str, str, str]]
    note: str
    action_url: str
    trail: list[Step]
    why: LazyString
    is_absent: bool = False


def build_detail(row: Any) -> Detail:
    """Gather the details of a notification whose interview and deliveries are loaded."""
    return Detail(
        row=row,
        facts=[*_interview_facts(row.interview), *_metadata_facts(row.data)],
        note=_note(row),
        action_url=safe_link(row.action_url),
        trail=[_step(delivery) for delivery in row.deliveries],
        why=catalog.TYPES[row.notification_type].reason,
        is_absent=_asks_for_evaluation(row) and evaluations.is_absent(current_user, row.interview_id),
    )


def _asks_for_evaluation(row: Any) -> bool:
    """Whether its reader may answer that they did not attend."""
    return row.notification_type == "evaluation_due" and row.interview_id is not None


def safe_link(url: str) -> str:
    """The URL if people may be sent to it, else an empty string."""
    return url if safe_urls.is_link(url) else ""


def _interview_facts(interview: Any) -> list[tuple[str, str, str]]:
    if interview is None:
        return []
    facts = interview_facts(records.details_of(interview), current_user.time_zone, str(get_locale()))
    return [(fact.label, fact.text, safe_link(fact.url)) for fact in facts]


def _metadata_facts(data: dict[str, Any]) -> list[tuple[str, str, str]]:
    """What the sender put beside the message, in words as far as a machine can."""
    facts = []
    for name, value in data.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if text and value is not None:
            label = str(name).replace("_", " ").strip().capitalize()
            facts.append((label, text[:LONGEST_FACT], safe_link(text) if text.startswith("http") else ""))
    return facts


def _note(row: Any) -> str:
    """What has happened to the interview since this was written."""
    interview = row.interview
    if interview is None or row.notification_type == "interview_cancelled":
        return ""
    if interview.status == "cancelled":
        return _("This interview has been cancelled since.")
    if row.interview_sequence is not None and row.interview_sequence < interview.sequence:
        return _("This interview has changed since. Below is how it stands now.")
    return ""


def _step(delivery: Any) -> Step:
    return Step(
        icon=catalog.CHANNELS[delivery.channel].icon,
        channel=catalog.CHANNELS[delivery.channel].label,
        words=reasons.describe(
            delivery.state,
            delivery.reason,
            delivery.reason_data,
            time_zone=current_user.time_zone,
            locale=str(get_locale()),
            due_at=delivery.due_at,
        ),
        at=delivery.sent_at,
    )

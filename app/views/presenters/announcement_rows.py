"""How the pages of announcements put things: states, audiences, what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import LazyString, format_decimal, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.clock import utc_now
from app.services.announcements import (
    management as announcement_management,
)
from app.services.announcements import (
    progress as announcement_progress,
)

STATES: dict[str, tuple[str, LazyString]] = {
    "scheduled": ("info", _l("Scheduled")),
    "writing": ("warn", _l("Going out")),
    "written": ("ok", _l("Sent")),
    "cancelled": ("", _l("Cancelled")),
}

# What the form calls its fields.
LABELS: dict[str, LazyString] = {
    "title": _l("Title"),
    "message": _l("Message"),
    "notification_type": _l("Type"),
    "template_name": _l("Words"),
    "channels": _l("Channels"),
    "priority": _l("Priority"),
    "action_url": _l("Link"),
    "deliver_at": _l("Day and time"),
}


@dataclass(frozen=True)
class AnnouncementRow:
    """One announcement with the words for it."""

    row: Any
    title: str
    audience: str
    tone: str
    state: LazyString
    is_cancellable: bool


def errors_by_field(errors: Mapping[str, str]) -> dict[str, str]:
    """The errors by the names of the form's fields: all addresses stand in one."""
    whom = [text for name, text in errors.items() if name.startswith("recipients")]
    return dict(errors) | ({"emails": " ".join(whom[:5])} if whom else {})


def missing(errors: Mapping[str, str]) -> list[str]:
    """What the preview says is missing: each sentence with the label of its field, where it does not name it."""

    def said(name: str, text: str) -> str:
        label = LABELS.get(name) or name.removeprefix("context.").replace("_", " ").capitalize()
        return text if name.startswith(("recipients", "roles")) else f"{label}: {text}"

    return [said(name, text) for name, text in errors.items()][:10]


def build_row(row: Any) -> AnnouncementRow:
    """An announcement with its words."""
    state = announcement_progress.state(row, utc_now())
    tone, label = STATES[state]
    is_cancellable = state in {"scheduled", "writing"}
    return AnnouncementRow(
        row, announcement_management.title_of(row), _audience(row.audience), tone, label, is_cancellable
    )


def _audience(audience: dict[str, Any]) -> str:
    if "people" in audience:
        count = len(audience["people"])
        return ngettext(
            "%(count)s person by name", "%(count)s people by name", count, count=format_decimal(count)
        )
    if "roles" in audience:
        names = {"recruiter": _("all recruiters"), "admin": _("all admins")}
        return _(" and ").join(names[role] for role in audience["roles"])
    return _("everyone")


def cancelled(kept: int) -> str:
    """What to tell whoever cancelled it."""
    if not kept:
        return _("Cancelled. Nobody gets it.")
    return ngettext(
        "Cancelled. %(count)s person has it, nobody else gets it.",
        "Cancelled. %(count)s people have it, nobody else gets it.",
        kept,
        count=format_decimal(kept),
    )

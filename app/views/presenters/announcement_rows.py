"""Labels and sentences for the announcement pages: states, audiences, errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask_babel import LazyString, format_decimal, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.clock import utc_now
from app.services.announcements import management as announcement_management
from app.services.announcements import progress as announcement_progress

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.models import Announcement

# The tone of each state's tag, and its label.
STATES: dict[str, tuple[str, LazyString]] = {
    "scheduled": ("info", _l("Scheduled")),
    "writing": ("warn", _l("Sending")),
    "written": ("ok", _l("Sent")),
    "cancelled": ("", _l("Cancelled")),
}

# The labels of the form's fields.
LABELS: dict[str, LazyString] = {
    "title": _l("Title"),
    "message": _l("Message"),
    "notification_type": _l("Type"),
    "template_name": _l("Start from"),
    "channels": _l("Channels"),
    "priority": _l("Priority"),
    "action_url": _l("Link"),
    "deliver_at": _l("Date and time"),
}
MAX_ERRORS_SHOWN, MAX_ADDRESS_ERRORS_SHOWN = 10, 5


@dataclass(frozen=True)
class AnnouncementRow:
    """An announcement with the labels that the pages show."""

    announcement: Announcement
    title: str
    audience: str
    tone: str
    state: LazyString
    is_cancellable: bool


def errors_by_field(errors: Mapping[str, str]) -> dict[str, str]:
    """Key errors by form field; all address errors belong to the one field `emails`."""
    address_errors = [text for name, text in errors.items() if name.startswith("recipients")]
    by_field = dict(errors)
    if address_errors:
        by_field["emails"] = " ".join(address_errors[:MAX_ADDRESS_ERRORS_SHOWN])
    return by_field


def describe_errors(errors: Mapping[str, str]) -> list[str]:
    """List the first errors as sentences, prefixed by the field's label unless they are about the audience."""
    return [_describe_error(name, text) for name, text in errors.items()][:MAX_ERRORS_SHOWN]


def build_row(announcement: Announcement) -> AnnouncementRow:
    """Build the labels for an announcement."""
    state = announcement_progress.current_state(announcement, utc_now())
    tone, label = STATES[state]
    return AnnouncementRow(
        announcement,
        announcement_management.title_of(announcement),
        _describe_audience(announcement.audience),
        tone,
        label,
        is_cancellable=state in {"scheduled", "writing"},
    )


def describe_created(announcement: Announcement) -> str:
    """Confirm that an announcement was accepted."""
    if announcement_progress.is_scheduled(announcement, utc_now()):
        return _("Scheduled. You can cancel it until then.")
    return ngettext(
        "Sending to %(count)s person.",
        "Sending to %(count)s people.",
        announcement.total,
        count=format_decimal(announcement.total),
    )


def describe_cancelled(received: int) -> str:
    """Confirm a cancellation.

    Args:
        received: the number of people who already have the announcement.
    """
    if not received:
        return _("Cancelled before anyone received it.")
    return ngettext(
        "Cancelled. %(count)s person had already received it.",
        "Cancelled. %(count)s people had already received it.",
        received,
        count=format_decimal(received),
    )


def _describe_error(name: str, text: str) -> str:
    if name.startswith(("recipients", "roles")):
        return text
    label = LABELS.get(name) or name.removeprefix("context.").replace("_", " ").capitalize()
    return f"{label}: {text}"


def _describe_audience(audience: Mapping[str, Any]) -> str:
    if "people" in audience:
        count = len(audience["people"])
        return ngettext(
            "%(count)s selected person", "%(count)s selected people", count, count=format_decimal(count)
        )
    if "roles" in audience:
        names = {"recruiter": _("all recruiters"), "admin": _("all admins")}
        return _(" and ").join(names[role] for role in audience["roles"])
    return _("everyone")

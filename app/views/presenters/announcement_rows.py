"""Labels and sentences for the announcement pages: states, audiences, errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask_babel import LazyString, format_decimal, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app import catalog
from app.clock import utc_now
from app.rendering import diff
from app.services.announcements import management as announcement_management
from app.services.announcements import progress as announcement_progress
from app.services.templates.versions import FieldDiff

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.forms.announcements import AnnouncementForm
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
    received: int
    is_cancellable: bool
    is_editable: bool


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
    now = utc_now()
    state = announcement_progress.current_state(announcement, now)
    tone, label = STATES[state]
    return AnnouncementRow(
        announcement,
        announcement_management.title_of(announcement),
        _describe_audience(announcement.audience),
        tone,
        label,
        announcement_progress.received_by(announcement, now),
        is_cancellable=state in {"scheduled", "writing"},
        is_editable=state == "scheduled",
    )


def compare_forms(old: AnnouncementForm, new: AnnouncementForm) -> list[FieldDiff]:
    """Compare two versions of an announcement field by field, in the order of the form."""
    before, after = _read_form(old), _read_form(new)
    return [
        FieldDiff(label, diff.compare(before.get(label, ""), after.get(label, "")))
        for label in dict.fromkeys([*before, *after])
    ]


def describe_created(announcement: Announcement) -> str:
    """Confirm that an announcement was accepted."""
    if announcement_progress.is_scheduled(announcement, utc_now()):
        return _("Scheduled. You can edit or cancel it until then.")
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


def _read_form(form: AnnouncementForm) -> dict[str, str]:
    """Return the values of a form by the labels of its fields."""
    audience = {
        "roles": ", ".join(str(catalog.ROLE_LABELS[role]) for role in form.roles if role in catalog.ROLES),
        "people": "\n".join(sorted(form.emails.split())),
    }
    channels = (channel.label for name, channel in catalog.CHANNELS.items() if name in form.channels)
    return {
        _("To"): audience.get(form.audience, _("Everyone")),
        **{_label_of(name): text for name, text in form.context.items()},
        _label_of("title"): form.title,
        _label_of("message"): form.message.replace("\r\n", "\n"),
        _label_of("channels"): ", ".join(map(str, channels)),
        _label_of("priority"): str(catalog.PRIORITY_LABELS.get(form.priority, form.priority)),
        _label_of("action_url"): form.action_url,
        _label_of("deliver_at"): form.deliver_at.replace("T", " ") if form.when == "at" else _("Now"),
    }


def _label_of(name: str) -> str:
    """Label a field of the form, or a variable of its template."""
    return str(LABELS.get(name) or name.removeprefix("context.").replace("_", " ").capitalize())


def _describe_error(name: str, text: str) -> str:
    if name.startswith(("recipients", "roles")):
        return text
    return f"{_label_of(name)}: {text}"


def _describe_audience(audience: Mapping[str, Any]) -> str:
    if "people" in audience:
        count = len(audience["people"])
        return ngettext(
            "%(count)s selected person", "%(count)s selected people", count, count=format_decimal(count)
        )
    if "roles" in audience:
        return _(" and ").join(str(catalog.ROLE_AUDIENCES[role]) for role in audience["roles"])
    return _("everyone")

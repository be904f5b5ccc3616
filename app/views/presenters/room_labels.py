"""Labels of a room's subjects, and the steps to get its address."""

from __future__ import annotations

from collections.abc import Collection

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app import catalog
from app.services.rooms.posting import EVERYTHING

STEPS: dict[str, tuple[LazyString, ...]] = {
    "slack": (
        _l("In Slack, open api.slack.com/apps and create an app from scratch, in your workspace."),
        _l("Under Incoming Webhooks, turn them on, choose Add New Webhook, and pick the channel."),
        _l("Copy the webhook URL (https://hooks.slack.com/…) into the address."),
    ),
    "teams": (
        _l("In Teams, open the channel, choose … → Workflows, and pick “Send webhook alerts to a channel”."),
        _l("Follow the steps until Teams shows a URL (https://….logic.azure.com/…)."),
        _l("Copy the URL into the address."),
    ),
    "webhook": (
        _l("Enter a public https:// URL. We POST each message as signed JSON (Standard Webhooks)."),
        _l("The secret that signs them is shown once, when you add the room."),
    ),
}


def subject_labels(subjects: Collection[str]) -> list[str]:
    """Return the labels of a room's subjects."""
    return [_label(subject) for subject in subjects]


def _label(subject: str) -> str:
    kind, _colon, key = subject.partition(":")
    if subject == EVERYTHING:
        return _("Everything")
    if kind == "category":
        return str(catalog.CATEGORIES[key].plural)
    if kind == "type":
        return str(catalog.TYPES[key].label)
    return _("Job %(id)s", id=key)

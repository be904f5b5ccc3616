"""The audit log in sentences: what each stored action means, and the areas by which the page filters."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from flask import current_app
from flask_babel import LazyString, format_decimal
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app import catalog

if TYPE_CHECKING:
    from app.models import AuditEntry

# In the order of the filter.
AREAS: dict[str, LazyString] = {
    "access": _l("Sign-ins and access"),
    "people": _l("People"),
    "deliveries": _l("Deliveries"),
    "templates": _l("Templates"),
    "announcements": _l("Announcements"),
    "sources": _l("Sources, rooms and events"),
    "devices": _l("Devices"),
    "preferences": _l("Preferences and policy"),
    "operations": _l("Jobs and setup"),
}


class AuditAction(NamedTuple):
    """What a stored action means. `sentence` may name %(subject)s and the values of the entry's detail."""

    area: str
    sentence: LazyString


# Keyed by the stored code.
ACTIONS: dict[str, AuditAction] = {
    "sign_in.ok": AuditAction("access", _l("Signed in")),
    "sign_in.code_required": AuditAction("access", _l("Entered the right password of %(subject)s")),
    "sign_in.failed": AuditAction("access", _l("Sign-in failed for %(subject)s: %(why)s")),
    "sign_in.locked": AuditAction("access", _l("Sign-ins for %(subject)s are locked for a while")),
    "sign_out": AuditAction("access", _l("Signed out")),
    "session.ended": AuditAction("access", _l("Ended sessions of %(subject)s")),
    "access.forbidden": AuditAction("access", _l("Was refused access: %(subject)s")),
    "access.revoked": AuditAction(
        "access",
        _l(
            "Revoked the access of %(subject)s: %(tokens)s tokens, %(webhooks)s webhooks, push in %(browsers)s browsers"
        ),
    ),
    "csrf.refused": AuditAction(
        "access", _l("A form was refused, as another site may have sent it: %(subject)s")
    ),
    "limit.reached": AuditAction("access", _l("Too many requests: %(subject)s")),
    "token.created": AuditAction("access", _l("Created the API token “%(name)s” for %(subject)s")),
    "token.revoked": AuditAction("access", _l("Revoked the API token “%(name)s” of %(subject)s")),
    "token.refused": AuditAction("access", _l("An invalid token was refused: %(subject)s")),
    "password.changed": AuditAction("access", _l("Changed the password of %(subject)s")),
    "password.confirmed": AuditAction("access", _l("Entered the password again")),
    "password.reset_requested": AuditAction("access", _l("A password reset was requested for %(subject)s")),
    "second_factor.turned_on": AuditAction("access", _l("Turned on two-step sign-in")),
    "second_factor.turned_off": AuditAction("access", _l("Turned off two-step sign-in")),
    "second_factor.reset": AuditAction("access", _l("Reset the two-step sign-in of %(subject)s")),
    "second_factor.codes_replaced": AuditAction("access", _l("Made new recovery codes")),
    "second_factor.recovery_code_used": AuditAction("access", _l("Used a recovery code")),
    "user.created": AuditAction("people", _l("Created the account %(subject)s (%(role)s)")),
    "user.invited": AuditAction("people", _l("Invited %(subject)s (%(role)s)")),
    "user.invite_link_shown": AuditAction("people", _l("Viewed the invite link of %(subject)s")),
    "user.updated": AuditAction("people", _l("Changed %(subject)s: %(changes)s")),
    "user.role_changed": AuditAction("people", _l("Changed the role of %(subject)s: %(changes)s")),
    "user.deactivated": AuditAction("people", _l("Deactivated %(subject)s")),
    "user.reactivated": AuditAction("people", _l("Reactivated %(subject)s")),
    "account.updated": AuditAction("people", _l("Changed their own profile: %(fields)s")),
    "hiring_team.set": AuditAction("people", _l("Set the hiring team of %(subject)s: %(team)s")),
    "delivery.sent": AuditAction("deliveries", _l("%(channel)s sent to %(subject)s")),
    "delivery.failed": AuditAction("deliveries", _l("%(channel)s to %(subject)s was rejected")),
    "delivery.suppressed": AuditAction(
        "deliveries", _l("%(channel)s to %(subject)s was not sent: it is blocked")
    ),
    "delivery.skipped": AuditAction("deliveries", _l("%(channel)s to %(subject)s was not sent")),
    "delivery.expired": AuditAction("deliveries", _l("%(channel)s to %(subject)s expired")),
    "delivery.uncertain": AuditAction(
        "deliveries", _l("%(channel)s to %(subject)s may or may not have arrived")
    ),
    "delivery.dead": AuditAction(
        "deliveries", _l("%(channel)s to %(subject)s was stopped after three crashes")
    ),
    "delivery.cancelled": AuditAction("deliveries", _l("Cancelled: %(channel)s to %(subject)s")),
    "delivery.retried": AuditAction("deliveries", _l("Queued again: %(channel)s to %(subject)s")),
    "deliveries.failing": AuditAction("deliveries", _l("Alerted the admins to failing messages")),
    "deliveries.retried": AuditAction("deliveries", _l("Queued %(count)s failed messages again")),
    "delivery.link_revealed": AuditAction("deliveries", _l("Looked at the link in an email to %(subject)s")),
    "delivery.code_revealed": AuditAction(
        "deliveries", _l("Looked at the code in a text message to %(subject)s")
    ),
    "address.released": AuditAction("deliveries", _l("Unblocked %(subject)s (%(channel)s)")),
    "channel.down": AuditAction("deliveries", _l("%(channel)s stopped working: %(detail)s")),
    "channel.back": AuditAction("deliveries", _l("%(channel)s works again")),
    "template.created": AuditAction("templates", _l("Created the template %(subject)s")),
    "template.published": AuditAction("templates", _l("Published version %(version)s of %(subject)s")),
    "template.draft_discarded": AuditAction("templates", _l("Discarded a draft of %(subject)s")),
    "template.tested": AuditAction("templates", _l("Sent themselves a test of %(subject)s")),
    "template.switched_on": AuditAction("templates", _l("Turned on %(subject)s")),
    "template.switched_off": AuditAction("templates", _l("Turned off %(subject)s")),
    "template.deleted": AuditAction("templates", _l("Deleted the template %(subject)s")),
    "template.failed": AuditAction("templates", _l("The template %(subject)s failed: %(error)s")),
    "announcement.created": AuditAction("announcements", _l("Announced “%(subject)s” to %(people)s people")),
    "announcement.edited": AuditAction("announcements", _l("Edited “%(subject)s”, for %(people)s people")),
    "announcement.tested": AuditAction("announcements", _l("Sent themselves a test of “%(subject)s”")),
    "announcement.cancelled": AuditAction("announcements", _l("Cancelled the announcement “%(subject)s”")),
    "source.created": AuditAction("sources", _l("Connected the source %(subject)s")),
    "source.changed": AuditAction("sources", _l("Changed the source %(subject)s")),
    "source.secret_changed": AuditAction("sources", _l("Changed the secret of the source %(subject)s")),
    "source.paused": AuditAction("sources", _l("Paused the source %(subject)s")),
    "source.resumed": AuditAction("sources", _l("Resumed the source %(subject)s")),
    "source.removed": AuditAction("sources", _l("Removed the source %(subject)s")),
    "source.call_replayed": AuditAction("sources", _l("Processed a call of %(subject)s again")),
    "source.person_matched": AuditAction("sources", _l("Matched %(person)s with %(subject)s")),
    "source.match_removed": AuditAction("sources", _l("Removed the match of %(subject)s")),
    "source.person_dismissed": AuditAction(
        "sources", _l("Took %(subject)s off the list of unmatched people")
    ),
    "event.cancelled": AuditAction("sources", _l("Cancelled the event %(subject)s")),
    "subscription.created": AuditAction("sources", _l("Added a subscription to %(subject)s")),
    "subscription.changed": AuditAction("sources", _l("Changed the subscription to %(subject)s")),
    "subscription.rotated": AuditAction(
        "sources", _l("Changed the secret of the subscription to %(subject)s")
    ),
    "subscription.removed": AuditAction("sources", _l("Removed the subscription to %(subject)s")),
    "subscription.switched_on": AuditAction("sources", _l("Turned on the subscription to %(subject)s")),
    "subscription.switched_off": AuditAction("sources", _l("The subscription to %(subject)s was turned off")),
    "source.api_key_changed": AuditAction("sources", _l("Changed the API key of the source %(subject)s")),
    "room.created": AuditAction("sources", _l("Connected the room %(subject)s")),
    "room.changed": AuditAction("sources", _l("Changed the room %(subject)s: %(fields)s")),
    "room.paused": AuditAction("sources", _l("Paused the room %(subject)s")),
    "room.resumed": AuditAction("sources", _l("Resumed the room %(subject)s")),
    "room.removed": AuditAction("sources", _l("Removed the room %(subject)s")),
    "room.restored": AuditAction("sources", _l("Restored the room %(subject)s")),
    "room.tested": AuditAction("sources", _l("Sent a test to the room %(subject)s")),
    "room.switched_off": AuditAction("sources", _l("The room %(subject)s was turned off: %(said)s")),
    "phone.code_sent": AuditAction("devices", _l("Asked for a code for a phone number")),
    "phone.code_wrong": AuditAction("devices", _l("Entered a wrong code for a phone number")),
    "phone.verified": AuditAction("devices", _l("Verified a phone number")),
    "phone.removed": AuditAction("devices", _l("Removed a phone number")),
    "push.subscribed": AuditAction("devices", _l("Turned on push in “%(label)s”")),
    "push.removed": AuditAction("devices", _l("Removed the browser “%(label)s”")),
    "push.dropped": AuditAction("devices", _l("Push in a browser of %(subject)s was turned off: %(said)s")),
    "teams.set": AuditAction("devices", _l("Connected Microsoft Teams")),
    "teams.switched_on": AuditAction("devices", _l("Turned on Microsoft Teams of %(subject)s")),
    "teams.switched_off": AuditAction("devices", _l("Microsoft Teams of %(subject)s was turned off")),
    "teams.removed": AuditAction("devices", _l("Disconnected Microsoft Teams")),
    "webhook.created": AuditAction("devices", _l("Added a webhook to %(host)s")),
    "webhook.changed": AuditAction("devices", _l("Changed a webhook to %(host)s")),
    "webhook.rotated": AuditAction("devices", _l("Changed the secret of a webhook")),
    "webhook.removed": AuditAction("devices", _l("Removed a webhook")),
    "webhook.switched_on": AuditAction("devices", _l("Turned on a webhook of %(subject)s")),
    "webhook.switched_off": AuditAction("devices", _l("A webhook of %(subject)s was turned off")),
    "mail.stopped": AuditAction("preferences", _l("Unsubscribed from emails: %(scope)s")),
    "mail.resumed": AuditAction("preferences", _l("Subscribed to emails again: %(scope)s")),
    "preference.locked": AuditAction("preferences", _l("Made %(subject)s required: %(reason)s")),
    "preference.unlocked": AuditAction("preferences", _l("Made %(subject)s optional")),
    "preference_defaults.changed": AuditAction(
        "preferences", _l("Changed what new people start with: %(changes)s")
    ),
    "evaluation.attendance": AuditAction("preferences", _l("Said whether they attended an interview")),
    "job.asked": AuditAction("operations", _l("Started the job %(subject)s")),
    "job.stopped": AuditAction("operations", _l("The job %(subject)s has stopped")),
    "job.failed": AuditAction("operations", _l("The job %(subject)s keeps failing: %(error)s")),
    "checklist.dismissed": AuditAction("operations", _l("Hid the setup checklist")),
    "checklist.restored": AuditAction("operations", _l("Showed the setup checklist again")),
}
# A captured message has the action of one that was sent, because nothing remains to be done for it.
KEPT = _l("%(channel)s to %(subject)s was not sent: no server is set up to send it")
# Why a sign-in failed.
REFUSALS: dict[str, LazyString] = {
    "unknown": _l("account not found"),
    "password": _l("wrong password"),
    "code": _l("wrong code"),
    "switched off": _l("the account is deactivated"),
    "demo": _l("the demo is closed here"),
}


def _codes_by_area() -> dict[str, tuple[str, ...]]:
    codes: dict[str, tuple[str, ...]] = defaultdict(tuple)
    for code, action in ACTIONS.items():
        codes[action.area] += (code,)
    return codes


CODES = _codes_by_area()


@dataclass(frozen=True)
class AuditRow:
    """An entry as the page shows it. `is_code`: the sentence is a stored code, which has no words yet."""

    entry: AuditEntry
    sentence: str
    origin: str
    is_code: bool = False


def describe(entry: AuditEntry) -> AuditRow:
    """Put an entry into a sentence. Codes of another release are shown as they are stored."""
    origin = str(entry.detail.get("origin") or "")
    action = ACTIONS.get(entry.action)
    if action is None:
        facts = json.dumps(entry.detail, ensure_ascii=False) if entry.detail else ""
        return AuditRow(entry, " ".join(filter(None, (entry.action, entry.subject, facts))), origin, True)
    is_kept = entry.action == "delivery.sent" and entry.detail.get("reason") == "kept"
    return AuditRow(entry, str(KEPT if is_kept else action.sentence) % _Values(entry), origin)


class _Values(dict[str, str]):
    """The values that a sentence may name; a value that an old entry lacks is a dash."""

    def __init__(self, entry: AuditEntry) -> None:
        super().__init__({name: _text(value) for name, value in entry.detail.items()})
        self["subject"] = _name_subject(entry) or _("an unknown address")
        if "scope" in self:
            self["scope"] = _name_kind(self["scope"])
        if "before" in entry.detail:
            self["changes"] = _changes(entry.detail["before"], entry.detail.get("after"))
        if "fields" in entry.detail:
            self["fields"] = _text(entry.detail["fields"]).replace("_", " ")
        if entry.detail.get("role") in catalog.ROLE_LABELS:
            self["role"] = str(catalog.ROLE_LABELS[entry.detail["role"]])
        if entry.detail.get("why") in REFUSALS:
            self["why"] = str(REFUSALS[entry.detail["why"]])
        channel = entry.detail.get("channel") or entry.subject
        if channel in catalog.CHANNELS:
            self["channel"] = str(catalog.CHANNELS[channel].label)

    def __missing__(self, name: str) -> str:
        return "\N{EN DASH}"


def _name_subject(entry: AuditEntry) -> str:
    """Name what pages do not call by its code: a built-in template, a job, a category's channel."""
    if entry.action.startswith("template.") and entry.subject in catalog.TYPES:
        return _("“%(name)s”", name=catalog.TYPES[entry.subject].label)
    if entry.action.startswith("job.") and entry.subject in current_app.extensions["schedule"]:
        return _("“%(name)s”", name=current_app.extensions["schedule"][entry.subject].title)
    category, _dot, channel = entry.subject.partition(".")
    if entry.action.startswith("preference.") and channel in catalog.CHANNELS:
        return f"{_name_kind(category)} ({catalog.CHANNELS[channel].label})"
    return entry.subject


def _name_kind(name: str) -> str:
    """Return the label of a category or of a notification type."""
    if name in catalog.CATEGORIES:
        return str(catalog.CATEGORIES[name].plural)
    return str(catalog.TYPES[name].label) if name in catalog.TYPES else name


def _text(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return format_decimal(value)
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _changes(before: Any, after: Any) -> str:
    """Describe values before and after a change: plain ones, or several by name."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        old, new = (str(catalog.ROLE_LABELS.get(value, value)) for value in (before, after))
        return f"{old} → {new}"
    return ", ".join(
        f"{name}: {_text(before.get(name, ''))} → {_text(value)}" for name, value in after.items()
    )

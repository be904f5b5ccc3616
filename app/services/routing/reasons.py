"""Describes delivery states and reasons in sentences, for the log, the explain page, the API and dry runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from app import catalog
from app.rendering import dates

# Reasons to hold a message for its recipient's sake. It is not sent if it has been read by then.
HELD = frozenset({"unread_wait", "quiet_hours", "paused", "released"})


@dataclass(frozen=True)
class Verdict:
    """The decision about one recipient and channel: a delivery state, a reason code, and when it is due."""

    state: str
    reason: str
    due_at: datetime | None = None
    data: dict[str, Any] = field(default_factory=dict)


# Keyed by reason code. %(name)s are values of `reason_data`; %(when)s is the due time in the reader's time zone.
REASONS: dict[str, LazyString] = {
    "sent": _l("Sent"),
    "shown": _l("Shown in the inbox"),
    "queued": _l("Waiting to be sent"),
    # It was held until its recipient changed a preference.
    "released": _l("Waiting to be sent"),
    "scheduled": _l("Waiting until %(when)s, as scheduled"),
    "quiet_hours": _l("Waiting until %(when)s, when quiet hours end"),
    "paused": _l("Waiting until %(when)s, when the pause ends"),
    "unread_wait": _l("Waiting until %(when)s, then sent only if still unread"),
    "recipient_inactive": _l("Not sent: this account is deactivated"),
    "address_changed": _l("Not sent: this account has another address now"),
    "invite_accepted": _l("Not sent: the invite was already accepted"),
    "template_inactive": _l("Not sent: this type of notification is turned off for everyone"),
    "candidate_muted": _l("Not sent: this candidate is muted"),
    "job_muted": _l("Not sent: this job is muted"),
    "type_muted": _l("Not sent: notifications of this type are muted"),
    "category_off": _l("Not sent: %(category)s notifications are turned off in the preferences"),
    "channel_off": _l("Not sent: %(channel)s is turned off in the preferences"),
    "matrix_off": _l("Not sent: %(channel)s is turned off for %(category)s notifications in the preferences"),
    "in_digest": _l("Will be included in the daily digest"),
    "digested": _l("Included in the daily digest"),
    "digest_gone": _l("Not sent: the daily digest was turned off before it was sent. See the inbox"),
    "not_used": _l("Not used for this notification"),
    "no_address": _l("Not sent: no address for %(channel)s"),
    "address_suppressed": _l("Not sent: this address is blocked because the server rejected it (%(detail)s)"),
    "endpoint_gone": _l("Not sent: this browser, webhook or phone number was removed or turned off"),
    "room_closed": _l("Not sent: the room was paused, removed or turned off"),
    "confidential": _l("Not sent: this has become confidential"),
    "merged": _l("Not sent: the room got the same message less than a minute before"),
    "read_before_sending": _l("Not sent: already read in the inbox"),
    "outdated": _l("Not sent: a newer update arrived first"),
    "already_cancelled": _l("Not sent: the interview was already cancelled"),
    "kept": _l("Not sent: no server is set up to send it"),
    "deferred": _l("Retrying at %(when)s: %(detail)s"),
    "unreachable": _l("Waiting for the server to respond again: %(detail)s"),
    "unreachable_since": _l("Waiting for the server, which has not responded since %(since)s: %(detail)s"),
    # Our sender address, sign-in, certificate or key is rejected, not the recipient.
    "misconfigured": _l("Waiting until an admin fixes Bellhop's own %(channel)s settings: %(detail)s"),
    "refused": _l("Rejected: %(detail)s"),
    "gave_up": _l("Gave up after several attempts: %(detail)s"),
    "answer_lost": _l("May or may not have arrived: %(detail)s"),
    "crashed": _l("Stopped: the worker crashed three times while sending it"),
    "interview_cancelled": _l("Not sent: the interview was cancelled"),
    "interview_moved": _l("Not sent: the interview was moved"),
    "interview_rebooked": _l("Not sent: the interview was rebooked"),
    "said_again": _l("Not sent: replaced by a later reminder"),
    "interview_over": _l("Not sent: the interview has already started"),
    "evaluation_over": _l("Not sent: the evaluation is no longer needed"),
    "digest_off": _l("Not sent: this digest is turned off in the preferences"),
    "cancelled": _l("Cancelled"),
    "expired": _l("Gave up: not delivered in time"),
}

# Used where a delivery has no reason.
STATES: dict[str, LazyString] = {
    "pending": _l("Waiting"),
    "claimed": _l("Being sent now"),
    "retry_wait": _l("Retrying at %(when)s"),
    "sent": _l("Sent"),
    "failed": _l("Rejected"),
    "suppressed": _l("Address blocked"),
    "skipped": _l("Not sent"),
    "expired": _l("Expired"),
    "cancelled": _l("Cancelled"),
    "uncertain": _l("May or may not have arrived"),
    "dead": _l("Stopped: the worker crashed three times"),
}


def describe(
    state: str,
    reason: str,
    data: Mapping[str, Any],
    *,
    time_zone: str,
    locale: str = "en",
    due_at: datetime | None = None,
) -> str:
    """Describe a state and its reason in a sentence.

    Args:
        state, reason, data, due_at: of the delivery; `data` is its `reason_data`.
        time_zone, locale: of the reader.
    """
    channel = catalog.CHANNELS.get(data.get("channel", ""))
    no_address = channel.no_address if channel and reason == "no_address" else None
    text = str(no_address or REASONS.get(reason) or STATES[state])
    when = dates.full(due_at, time_zone, locale) if due_at and "%(when)s" in text else ""
    values = {name: str(value) for name, value in data.items()}
    if "since" in data:
        values["since"] = dates.full(datetime.fromisoformat(data["since"]), time_zone, locale)
    if values.get("channel") in catalog.CHANNELS:
        values["channel"] = str(catalog.CHANNELS[values["channel"]].label)
    if values.get("category") in catalog.CATEGORIES:
        values["category"] = str(catalog.CATEGORIES[values["category"]].label)
    return text % {"when": when, "detail": "", **values}

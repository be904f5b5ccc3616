"""The one place where a delivery's state becomes a sentence: log, explain page, API and dry run all say this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from app import catalog
from app.rendering import dates

# Why a message was held back for its reader's sake: once it has been read, it need not be sent.
HELD = frozenset({"unread_wait", "quiet_hours", "paused", "released"})


@dataclass(frozen=True)
class Verdict:
    """What is decided about one recipient and channel: a delivery state, a reason's code, and from when."""

    state: str
    reason: str
    due_at: datetime | None = None
    data: dict[str, Any] = field(default_factory=dict)


# Keyed by reason; %(name)s are values of `reason_data`, %(when)s is the due time in the reader's zone.
REASONS: dict[str, LazyString] = {
    "sent": _l("Sent"),
    "shown": _l("Shown at once"),
    "queued": _l("Waiting to be sent"),
    # It was held for its reader's sake, until a preference was changed.
    "released": _l("Waiting to be sent"),
    "scheduled": _l("Waiting until %(when)s, as scheduled"),
    "quiet_hours": _l("Waiting until %(when)s, when quiet hours end"),
    "paused": _l("Waiting until %(when)s, when your pause ends"),
    "unread_wait": _l("Waiting until %(when)s, and sent only if still unread then"),
    "recipient_inactive": _l("Not sent: this account is switched off"),
    "template_inactive": _l("Not sent: this kind of notification is switched off for everyone"),
    "category_off": _l("Not sent: %(category)s notifications are switched off in the preferences"),
    "channel_off": _l("Not sent: %(channel)s is switched off in the preferences"),
    "matrix_off": _l(
        "Not sent: %(channel)s is switched off for %(category)s notifications in the preferences"
    ),
    "in_digest": _l("Not sent by itself: it goes into the daily digest"),
    "digested": _l("Not sent by itself: it is in the daily digest"),
    "digest_gone": _l("Not sent: the daily digest was switched off before it came; it stands in the inbox"),
    "not_used": _l("Not sent: neither this kind of notification nor the preferences ask for it"),
    "no_address": _l("Not sent: there is no address for %(channel)s"),
    "address_suppressed": _l("Not sent: this address refuses messages (%(detail)s)"),
    "endpoint_gone": _l("Not sent: this browser, webhook or number has been removed or switched off"),
    "read_before_sending": _l("Not sent: it was read before it was due"),
    "outdated": _l("Not sent: newer news about this interview came first"),
    "kept": _l("Kept on this machine, because no server is configured to send it"),
    "deferred": _l("Waiting for another try at %(when)s: %(detail)s"),
    "unreachable": _l("Waiting for the server to come back: %(detail)s"),
    "refused": _l("Refused: %(detail)s"),
    "gave_up": _l("Given up after many tries: %(detail)s"),
    "answer_lost": _l("May or may not have arrived: %(detail)s"),
    "crashed": _l("Stopped: the sender died three times while sending it"),
    "interview_cancelled": _l("Not sent: the interview has been cancelled"),
    "interview_moved": _l("Not sent: the interview has been moved"),
    "interview_rebooked": _l("Not sent: the interview has been booked again"),
    "said_again": _l("Not sent: a later reminder of the same interview stands for it"),
    "interview_over": _l("Not sent: the interview has begun or is over"),
    "evaluation_over": _l("Not sent: this evaluation is no longer waited for"),
    "digest_off": _l("Not sent: this digest is switched off in the preferences"),
    "cancelled": _l("Cancelled"),
    "expired": _l("Given up: it could not be delivered in time"),
}

# Where a row carries no reason of its own, its state says enough.
STATES: dict[str, LazyString] = {
    "pending": _l("Waiting"),
    "claimed": _l("Being sent now"),
    "retry_wait": _l("Waiting for another try at %(when)s"),
    "sent": _l("Sent"),
    "failed": _l("Refused"),
    "suppressed": _l("Address suppressed"),
    "skipped": _l("Not sent"),
    "expired": _l("Given up"),
    "cancelled": _l("Cancelled"),
    "uncertain": _l("May or may not have arrived"),
    "dead": _l("Stopped: sending it failed three times in a row"),
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
    """A delivery's state as a sentence for a person.

    Args:
        state, reason, data, due_at: as the delivery has them.
        time_zone, locale: of the person who reads it.
    """
    channel = catalog.CHANNELS.get(data.get("channel", ""))
    no_address = channel.no_address if channel and reason == "no_address" else None
    text = str(no_address or REASONS.get(reason) or STATES[state])
    when = dates.full(due_at, time_zone, locale) if due_at and "%(when)s" in text else ""
    values = {name: str(value) for name, value in data.items()}
    if values.get("channel") in catalog.CHANNELS:
        values["channel"] = str(catalog.CHANNELS[values["channel"]].label)
    if values.get("category") in catalog.CATEGORIES:
        values["category"] = str(catalog.CATEGORIES[values["category"]].label)
    return text % {"when": when, "detail": "", **values}

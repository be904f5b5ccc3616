"""A delivery as its channel takes it: a letter, an SMS, a push message, a webhook's call."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from flask_babel import force_locale
from flask_babel import gettext as _

from app.channels.base import Message, PermanentFailure
from app.clock import to_rfc3339
from app.models import Delivery, Notification, PushSubscription, Webhook
from app.rendering import plain_text
from app.rendering.texts import Texts
from app.services.accounts import phones, webhooks
from app.services.interviews import reminder_texts
from app.services.sending import email, endpoint_health
from app.services.sending.email import SiteIdentity

# RFC 8030, 5.3: how much a sleeping phone should mind.
URGENCY = {"urgent": "high", "high": "high", "medium": "normal", "low": "low"}
# Push services keep a message for four weeks at most; the encrypted whole must stay under 4 KB.
LONGEST_KEPT = timedelta(weeks=4)
MOST_TITLE, MOST_BODY = 150, 400


def build_payload(delivery: Delivery, sender: SiteIdentity, now: datetime) -> Message:
    """The finished message of a delivery.

    Raises:
        PermanentFailure: its browser or webhook vanished this very moment.
    """
    return BUILDERS.get(delivery.channel, _plain)(delivery, sender, now)


def _plain(delivery: Delivery, sender: SiteIdentity, now: datetime) -> Message:
    """For a channel without words of its own: the title, the message and where to read it."""
    row = delivery.notification
    if row is None:
        raise PermanentFailure(_("There is nothing to say over this channel"))
    words = reminder_texts.texts_when_sent(delivery, row, now)
    text = f"{words.message}\n{sender.base_url}/notifications/{row.id}"
    return Message(
        id=_id(delivery), address=delivery.address, subject=plain_text.to_single_line(words.title), text=text
    )


def _sms(delivery: Delivery, sender: SiteIdentity, now: datetime) -> Message:
    row = delivery.notification
    if row is None:
        with force_locale(delivery.recipient.locale):
            code = phones.code_of(delivery, sender.secret)
            words = _("%(code)s is your Bellhop code. It works for 10 minutes.", code=code)
            text = plain_text.fit_sms(words)
    else:
        told = reminder_texts.texts_when_sent(delivery, row, now)
        text = plain_text.fit_sms(told.sms or told.title, f"{sender.base_url}/n/{row.id}")
    return Message(id=_id(delivery), address=delivery.address, subject="", text=text)


def _push(delivery: Delivery, _sender: SiteIdentity, now: datetime) -> Message:
    browser, row = endpoint_health.find(delivery), delivery.notification
    if not isinstance(browser, PushSubscription):
        raise PermanentFailure(_("This browser has been removed"))
    words = reminder_texts.texts_when_sent(delivery, row, now) if row else None
    kept_until = delivery.expires_at or now + LONGEST_KEPT
    with force_locale(delivery.recipient.locale):
        content = {
            "title": plain_text.truncate(
                plain_text.to_single_line(words.title if words else _("Bellhop")), MOST_TITLE
            ),
            "message": plain_text.truncate(
                plain_text.to_single_line(
                    words.message if words else _("Notifications will look like this.")
                ),
                MOST_BODY,
            ),
            "url": f"/notifications/{row.id}" if row else "/account/devices",
            "tag": f"d{delivery.id}",
        }
    return Message(
        id=_id(delivery),
        address=browser.endpoint,
        subject="",
        text=json.dumps(content, ensure_ascii=False),
        headers={
            "TTL": str(int(max(timedelta(), min(kept_until - now, LONGEST_KEPT)).total_seconds())),
            "Urgency": URGENCY[row.priority if row else "high"],
            # A second copy of the same message replaces the first while it waits (RFC 8030, 5.4).
            "Topic": f"d{delivery.id}",
        },
        keys=(browser.p256dh, browser.auth),
    )


def _webhook(delivery: Delivery, sender: SiteIdentity, now: datetime) -> Message:
    hook, row = endpoint_health.find(delivery), delivery.notification
    if not isinstance(hook, Webhook):
        raise PermanentFailure(_("This webhook has been removed"))
    content = {
        "type": "notification.created" if row else "webhook.test",
        "timestamp": to_rfc3339(delivery.created_at),
        "data": _webhook_payload(row, reminder_texts.texts_when_sent(delivery, row, now), sender)
        if row
        else {"message": "This is a test of your webhook."},
    }
    return Message(
        id=_id(delivery),
        address=hook.url,
        subject="",
        # In ASCII: whatever somebody typed, no program on the way is misled by it.
        text=json.dumps(content, separators=(",", ":")),
        keys=webhooks.secrets_of(hook, sender.secret, now),
    )


BUILDERS: dict[str, Callable[[Delivery, SiteIdentity, datetime], Message]] = {
    "email": email.compose_email,
    "sms": _sms,
    "push": _push,
    "webhook": _webhook,
}


def _webhook_payload(row: Notification, words: Texts, sender: SiteIdentity) -> dict[str, Any]:
    """A notification by the names of the JSON API."""
    return {
        "id": row.id,
        "notification_type": row.notification_type,
        "category": row.category,
        "title": words.title,
        "message": words.message,
        "priority": row.priority,
        "metadata": row.data,
        "action_url": row.action_url,
        "url": f"{sender.base_url}/notifications/{row.id}",
        "created_at": to_rfc3339(row.created_at),
    }


def _id(delivery: Delivery) -> str:
    """The same for every attempt, so that a receiver can tell a second copy."""
    return f"msg_{delivery.id}_{int(delivery.created_at.timestamp() * 1_000_000)}"

"""Builds the payload for each channel: email, SMS, push, chats, webhook."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from flask_babel import force_locale
from flask_babel import gettext as _

from app.channels.base import Message, PermanentFailure
from app.clock import to_rfc3339
from app.models import Delivery, Notification, PushSubscription, RoomMessage, Webhook
from app.rendering import key_facts, plain_text
from app.rendering.texts import Texts
from app.services.accounts import phones
from app.services.base import signed_webhooks
from app.services.digests.reading import DigestContents
from app.services.interviews import reminder_texts
from app.services.rooms import management as rooms
from app.services.sending import chat, email, endpoint_health
from app.services.sending.email import SiteIdentity
from app.services.sending.message_ids import message_id
from app.services.subscriptions import calls as subscription_calls

# RFC 8030, 5.3: whether a push service should wake a device for it.
URGENCY = {"urgent": "high", "high": "high", "medium": "normal", "low": "low"}
# Push services keep a message for at most four weeks; the encrypted body must stay under 4 KB.
MAX_TTL = timedelta(weeks=4)
MAX_TITLE, MAX_BODY = 150, 400


def build_payload(
    delivery: Delivery, site: SiteIdentity, now: datetime, digest: DigestContents | None = None
) -> Message:
    """Build the message of a delivery for its channel.

    Args:
        digest: what was read for a digest; None reads it now.
    Raises:
        PermanentFailure: the browser or webhook was removed a moment ago.
    """
    if digest is not None:
        return email.compose_email(delivery, site, now, digest)
    return BUILDERS.get(delivery.channel, _plain)(delivery, site, now)


def _plain(delivery: Delivery, site: SiteIdentity, now: datetime) -> Message:
    """For a channel without its own builder: the title, the message and a link."""
    row = delivery.notification
    if row is None:
        raise PermanentFailure(_("There is nothing to send over this channel"))
    texts = reminder_texts.texts_when_sent(delivery, row, now)
    text = f"{texts.message}\n{site.base_url}/notifications/{row.id}"
    return Message(
        id=message_id(delivery),
        address=delivery.address,
        subject=plain_text.to_single_line(texts.title),
        text=text,
    )


def _sms(delivery: Delivery, site: SiteIdentity, now: datetime) -> Message:
    row = delivery.notification
    if row is None:
        with force_locale(delivery.recipient.locale):
            code = phones.compute_code(delivery, site.secret)
            text_message = _("%(code)s is your Bellhop code. It works for 10 minutes.", code=code)
            text = plain_text.fit_sms(text_message)
    else:
        texts = reminder_texts.texts_when_sent(delivery, row, now)
        text = plain_text.fit_sms(texts.sms or texts.title, f"{site.base_url}/n/{row.id}")
    return Message(id=message_id(delivery), address=delivery.address, subject="", text=text)


def _push(delivery: Delivery, _site: SiteIdentity, now: datetime) -> Message:
    browser, row = endpoint_health.find(delivery), delivery.notification
    if not isinstance(browser, PushSubscription):
        raise PermanentFailure(_("This browser has been removed"))
    texts = reminder_texts.texts_when_sent(delivery, row, now) if row else None
    kept_until = delivery.expires_at or now + MAX_TTL
    with force_locale(delivery.recipient.locale):
        content = {
            "title": plain_text.truncate(
                plain_text.to_single_line(texts.title if texts else _("Bellhop")), MAX_TITLE
            ),
            "message": plain_text.truncate(
                _second_line(delivery, row, now) if row else _("Notifications will look like this."),
                MAX_BODY,
            ),
            "url": f"/notifications/{row.id}" if row else "/account/devices",
            "tag": f"d{delivery.id}",
        }
    return Message(
        id=message_id(delivery),
        address=browser.endpoint,
        subject="",
        text=json.dumps(content, ensure_ascii=False),
        headers={
            "TTL": str(int(max(timedelta(), min(kept_until - now, MAX_TTL)).total_seconds())),
            "Urgency": URGENCY[row.priority if row else "high"],
            # A second copy replaces the first while it waits at the push service (RFC 8030, 5.4).
            "Topic": f"d{delivery.id}",
        },
        keys=(browser.p256dh, browser.auth),
    )


def _second_line(delivery: Delivery, row: Notification, now: datetime) -> str:
    user = delivery.recipient
    return plain_text.to_single_line(key_facts.second_line(row, user.time_zone, user.locale, now))


def _webhook(delivery: Delivery, site: SiteIdentity, now: datetime) -> Message:
    if delivery.room_message is not None:
        return _room_webhook(delivery, delivery.room_message, site)
    hook, row = endpoint_health.find(delivery), delivery.notification
    if not isinstance(hook, Webhook):
        raise PermanentFailure(_("This webhook has been removed"))
    if delivery.kind == subscription_calls.KIND:
        event_type, data = delivery.subject, _subscription_payload(delivery, site)
    elif row:
        event_type = "notification.created"
        data = _webhook_payload(row, reminder_texts.texts_when_sent(delivery, row, now), site)
    else:
        event_type, data = "webhook.test", {"message": "This is a test of your webhook."}
    content = {"type": event_type, "timestamp": to_rfc3339(delivery.created_at), "data": data}
    return Message(
        id=message_id(delivery),
        address=hook.url,
        subject="",
        # In ASCII, so that no program on the way misreads what people typed.
        text=json.dumps(content, separators=(",", ":")),
        keys=signed_webhooks.signing_secrets(hook, site.secret, now),
    )


def _room_webhook(delivery: Delivery, row: RoomMessage, site: SiteIdentity) -> Message:
    content = {
        "type": "room.message" if delivery.kind == "room" else "webhook.test",
        "timestamp": to_rfc3339(delivery.created_at),
        "data": {
            **_fields_of(row),
            "room": row.room.name,
            "title": row.title,
            "message": row.message,
            "url": chat.room_link(row, site),
        },
    }
    return Message(
        id=message_id(delivery),
        address=chat.room_address(row, site),
        subject="",
        text=json.dumps(content, separators=(",", ":")),
        keys=(rooms.signing_secret(row.room, site.secret),),
    )


BUILDERS: dict[str, Callable[[Delivery, SiteIdentity, datetime], Message]] = {
    "email": email.compose_email,
    "sms": _sms,
    "push": _push,
    "slack": chat.compose_chat,
    "teams": chat.compose_chat,
    "webhook": _webhook,
}


def _webhook_payload(row: Notification, texts: Texts, site: SiteIdentity) -> dict[str, Any]:
    """Build a notification with the field names of the JSON API."""
    return {
        "id": row.id,
        **_fields_of(row),
        "title": texts.title,
        "message": texts.message,
        "url": f"{site.base_url}/notifications/{row.id}",
    }


def _fields_of(row: Notification | RoomMessage) -> dict[str, Any]:
    return {
        "notification_type": row.notification_type,
        "category": row.category,
        "priority": row.priority,
        "metadata": row.data,
        "action_url": row.action_url,
        "candidate_id": row.candidate_id,
        "job_id": row.job_id,
        "is_confidential": row.is_confidential,
        "created_at": to_rfc3339(row.created_at),
    }


def _subscription_payload(delivery: Delivery, site: SiteIdentity) -> dict[str, Any]:
    """Add the address of the page to what was stored when the call was queued."""
    facts: dict[str, Any] = json.loads(delivery.text or "{}")
    is_delivery = delivery.subject == subscription_calls.FAILED
    page = "admin/deliveries" if is_delivery else "notifications"
    return facts | {"url": f"{site.base_url}/{page}/{facts['id']}"}

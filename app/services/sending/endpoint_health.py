"""Tracks whether addresses work: removes browsers that are gone, disables webhooks that keep failing."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask_babel import lazy_gettext as _l
from sqlalchemy import update

from app.channels import retry_schedule
from app.database.base import db
from app.database.writing import BULK
from app.models import Delivery, PushSubscription, User, Webhook
from app.services.base import audit
from app.services.base.recipients import Recipient
from app.services.routing import alerts, suppressions

Endpoint = PushSubscription | Webhook
MODELS: dict[str, type[Endpoint]] = {"push": PushSubscription, "webhook": Webhook}
# How long a webhook may fail before it is disabled.
LONGEST_FAILURE = timedelta(hours=120)


def find(delivery: Delivery) -> Endpoint | None:
    """Return the browser or webhook that a delivery goes to; None if it was removed or disabled.

    Also None if the id now belongs to another: two people may share a browser, and SQLite reuses ids.
    """
    endpoint = _find(delivery.channel, delivery.address)
    if (
        endpoint is None
        or endpoint.user_id != delivery.recipient_id
        or endpoint.created_at > delivery.created_at
    ):
        return None
    return None if isinstance(endpoint, Webhook) and endpoint.disabled_at else endpoint


def is_gone(delivery: Delivery) -> bool:
    """Whether the address was removed after the delivery was created."""
    if delivery.channel in MODELS:
        return find(delivery) is None
    return (
        delivery.channel == "sms"
        and delivery.kind == "notification"
        and delivery.address != delivery.recipient.phone
    )


def record_success(channel: str, address: str) -> None:
    """Record that an address works, in the caller's transaction."""
    hook = _find(channel, address, lock=True) if channel == "webhook" else None
    if isinstance(hook, Webhook) and hook.failures:
        hook.failures, hook.failing_since = 0, None
        db.session.flush()


def record_failure(channel: str, address: str, response: str, now: datetime, *, is_dead: bool) -> None:
    """Record a failed attempt, in the caller's transaction.

    Args:
        response: what the other side answered.
        is_dead: the other side asked not to be contacted again.
    """
    endpoint = _find(channel, address, lock=True)
    if isinstance(endpoint, Webhook):
        if not endpoint.disabled_at:
            _record_webhook_failure(endpoint, response, now, is_dead=is_dead)
    elif isinstance(endpoint, PushSubscription):
        if is_dead:
            _remove_browser(endpoint, response)
    elif is_dead and channel not in MODELS:
        suppressions.add(channel, address, response)


def _find(channel: str, address: str, *, lock: bool = False) -> Endpoint | None:
    number = address.partition(":")[2]
    if channel not in MODELS or not number.isdigit():
        return None
    # Read again, because this session may hold an older copy.
    found = db.session.get(MODELS[channel], int(number), populate_existing=True, with_for_update=lock or None)
    return found if isinstance(found, Endpoint) else None


def _remove_browser(browser: PushSubscription, response: str) -> None:
    db.session.delete(browser)
    owner = db.session.get_one(User, browser.user_id)
    audit.record("push.dropped", owner.email, said=response[:300])


def _record_webhook_failure(hook: Webhook, response: str, now: datetime, *, is_dead: bool) -> None:
    hook.failures += 1
    hook.failing_since = hook.failing_since or now
    db.session.flush()
    if is_dead or now - hook.failing_since >= LONGEST_FAILURE:
        _disable(hook, response, now)
        return
    # Its other deliveries would probably time out too: they all wait, longer each time.
    wait_until = (
        retry_schedule.next_attempt_at("webhook", min(hook.failures, retry_schedule.MAX_BACKOFF), now) or now
    )
    waiting = update(Delivery).where(
        Delivery.channel == "webhook",
        Delivery.address == hook.address,
        Delivery.state.in_(["pending", "retry_wait"]),
        Delivery.due_at <= now,
    )
    db.session.execute(
        waiting.values(due_at=wait_until, reason="deferred", reason_data={"detail": response[:300]}),
        execution_options=BULK,
    )


def _disable(hook: Webhook, response: str, now: datetime) -> None:
    hook.disabled_at, hook.disabled_reason = now, response[:300]
    owner = db.session.get_one(User, hook.user_id)
    audit.record("webhook.switched_off", owner.email, webhook=hook.id, said=response[:300])
    alerts.raise_system_alert(
        [Recipient.of(owner)],
        _l("Your webhook was turned off"),
        _l(
            "%(url)s failed for too long or asked not to be called again, so nothing more is sent to it. "
            "The last response was: %(response)s\n\nFix the webhook, then turn it on again under Devices.",
            url=hook.url,
            response=response[:300],
        ),
        "/account/devices",
        now,
        is_exact=True,
    )

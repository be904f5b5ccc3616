"""Tracks whether addresses work: removes browsers that are gone, disables webhooks and rooms that keep failing."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask_babel import lazy_gettext as _l
from sqlalchemy import select, update

from app.channels import retry_schedule
from app.database.base import db
from app.database.writing import BULK
from app.models import Delivery, PushSubscription, Room, TeamsAddress, User, Webhook
from app.models.delivery import WAITING_STATES
from app.services.base import audit, recipients, signed_webhooks
from app.services.base.recipients import Recipient
from app.services.routing import alerts, suppressions

CountsFailures = Webhook | Room | TeamsAddress
Endpoint = PushSubscription | CountsFailures
# By the beginning of the address of a delivery.
MODELS: dict[str, type[Endpoint]] = {
    "push": PushSubscription,
    "webhook": Webhook,
    "teams": TeamsAddress,
    "room": Room,
}
# How long an address may fail before it is disabled.
LONGEST_FAILURE = timedelta(hours=120)


def find(delivery: Delivery) -> Endpoint | None:
    """Return the browser, webhook, Teams address or room that a delivery goes to; None if it was removed or disabled.

    Also None if the id now belongs to another: two people may share a browser, and SQLite reuses ids.
    """
    endpoint = _find(delivery.address)
    if isinstance(endpoint, Room):
        message = delivery.room_message
        return endpoint if message and message.room_id == endpoint.id and endpoint.is_open else None
    if (
        endpoint is None
        or endpoint.user_id != delivery.recipient_id
        or endpoint.created_at > delivery.created_at
    ):
        return None
    return None if isinstance(endpoint, CountsFailures) and endpoint.disabled_at else endpoint


def is_gone(delivery: Delivery) -> bool:
    """Whether the address was removed after the delivery was created."""
    if delivery.channel in MODELS:
        return find(delivery) is None
    return (
        delivery.channel == "sms"
        and delivery.kind == "notification"
        and delivery.address != delivery.recipient.phone
    )


def record_success(address: str) -> None:
    """Record that an address works, in the caller's transaction."""
    if _model_of(address) in {None, PushSubscription}:
        return
    endpoint = _find(address, lock=True)
    if isinstance(endpoint, CountsFailures) and endpoint.failures:
        endpoint.failures, endpoint.failing_since = 0, None
        db.session.flush()


def record_failure(
    channel: str,
    address: str,
    response: str,
    now: datetime,
    *,
    is_dead: bool,
    retry_after: float | None = None,
) -> None:
    """Record a failed attempt, in the caller's transaction.

    Args:
        response: the other side's response.
        is_dead: the other side asked not to be contacted again.
        retry_after: how many seconds it asked to wait.
    """
    endpoint = _find(address, lock=True)
    if isinstance(endpoint, CountsFailures):
        if not endpoint.disabled_at:
            _count_failure(channel, endpoint, response, now, is_dead=is_dead, retry_after=retry_after)
    elif isinstance(endpoint, PushSubscription):
        if is_dead:
            _remove_browser(endpoint, response)
    elif is_dead and _model_of(address) is None:
        suppressions.add(channel, address, response)


def _model_of(address: str) -> type[Endpoint] | None:
    kind, _colon, number = address.partition(":")
    return MODELS.get(kind) if number.isdigit() else None


def _find(address: str, *, lock: bool = False) -> Endpoint | None:
    model = _model_of(address)
    if model is None:
        return None
    # Read again, because this session may hold an older copy.
    number = int(address.partition(":")[2])
    found = db.session.get(model, number, populate_existing=True, with_for_update=lock or None)
    return found if isinstance(found, Endpoint) else None


def _remove_browser(browser: PushSubscription, response: str) -> None:
    db.session.delete(browser)
    owner = db.session.get_one(User, browser.user_id)
    audit.record("push.dropped", owner.email, said=response[:300])


def _count_failure(
    channel: str,
    endpoint: CountsFailures,
    response: str,
    now: datetime,
    *,
    is_dead: bool,
    retry_after: float | None,
) -> None:
    endpoint.failures += 1
    endpoint.failing_since = endpoint.failing_since or now
    db.session.flush()
    if is_dead or now - endpoint.failing_since >= LONGEST_FAILURE:
        endpoint.disabled_at, endpoint.disabled_reason = now, response[:300]
        if isinstance(endpoint, Room):
            _report_disabled_room(endpoint, response, now)
        elif isinstance(endpoint, TeamsAddress):
            _report_disabled_teams(endpoint, response, now)
        elif endpoint.user_id is None:
            _report_disabled_subscription(endpoint, response, now)
        else:
            _report_disabled_webhook(endpoint, response, now)
        return
    # Its other deliveries would probably time out too: they all wait, longer each time. Those that another worker has
    # locked are being sent; it would wait for our lock on the endpoint while we wait for it.
    attempts = min(endpoint.failures, retry_schedule.MAX_ENDPOINT_ATTEMPTS)
    wait_until = retry_schedule.next_attempt_at(channel, attempts, now, retry_after=retry_after) or now
    waiting = select(Delivery.id).where(
        Delivery.channel == channel,
        Delivery.address == endpoint.address,
        Delivery.state.in_(WAITING_STATES),
        Delivery.due_at <= now,
    )
    free = waiting.with_for_update(skip_locked=True).cte("free")
    deferred = update(Delivery).where(Delivery.id.in_(select(free.c.id)))
    db.session.execute(
        deferred.values(due_at=wait_until, reason="deferred", reason_data={"detail": response[:300]}),
        execution_options=BULK,
    )


def _report_disabled_webhook(hook: Webhook, response: str, now: datetime) -> None:
    owner = db.session.get_one(User, hook.user_id)
    audit.record("webhook.switched_off", owner.email, webhook=hook.id, said=response[:300])
    alerts.raise_system_alert(
        [Recipient.from_user(owner)],
        _l("Your webhook was turned off"),
        _l(
            "Calls to %(url)s failed for too long, or it asked for no more calls. Nothing more is sent to it. "
            "The last response was: %(response)s\n\nFix the webhook, then turn it on again under Devices.",
            url=hook.url,
            response=response[:300],
        ),
        "/account/devices",
        now,
        is_exact=True,
    )


def _report_disabled_teams(row: TeamsAddress, response: str, now: datetime) -> None:
    owner = db.session.get_one(User, row.user_id)
    audit.record("teams.switched_off", owner.email, said=response[:300])
    alerts.raise_system_alert(
        [Recipient.from_user(owner)],
        _l("Microsoft Teams was turned off"),
        _l(
            "Your Workflows webhook failed for too long or no longer exists. Nothing more is posted to it. "
            "The last response was: %(response)s\n\nConnect Teams again under Devices.",
            response=response[:300],
        ),
        "/account/devices",
        now,
        is_exact=True,
    )


def _report_disabled_subscription(hook: Webhook, response: str, now: datetime) -> None:
    host = signed_webhooks.host_of(hook.url)
    audit.record("subscription.switched_off", host, subscription=hook.id, said=response[:300])
    alerts.raise_system_alert(
        recipients.active_admins(),
        _l("A subscription was turned off"),
        _l(
            "Calls to %(host)s failed for too long, or it asked for no more calls. Nothing more is sent to it. "
            "The last response was: %(response)s\n\nFix it, then turn it on again under Subscriptions.",
            host=host,
            response=response[:300],
        ),
        "/admin/subscriptions",
        now,
    )


def _report_disabled_room(room: Room, response: str, now: datetime) -> None:
    audit.record("room.switched_off", room.name, room=room.id, said=response[:300])
    alerts.raise_system_alert(
        recipients.active_admins(),
        _l("The room “%(name)s” was turned off", name=room.name),
        _l(
            "Posting failed for too long, or the address no longer exists. Nothing more is posted to the room. "
            "The last response was: %(response)s\n\nCheck the address, then choose Resume.",
            response=response[:300],
        ),
        f"/admin/rooms/{room.id}",
        now,
        is_exact=True,
    )

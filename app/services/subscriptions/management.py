"""Subscriptions as admins add, change and remove them. Each change is in the audit log."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import func, select

from app.clock import utc_now
from app.database.base import db
from app.database.writing import writing
from app.models import Delivery, User, Webhook
from app.services.base import audit, signed_webhooks
from app.services.base.errors import Conflict, Invalid, LimitReached, NotFound
from app.services.subscriptions import calls

MAX_SUBSCRIPTIONS = 20
# An admin is waiting for the result of a test; hours later it would be useless.
TEST_LIFETIME = timedelta(minutes=10)
# Tests of all subscriptions together.
MAX_TESTS, TESTS_WINDOW = 10, timedelta(minutes=10)
_SUBSCRIPTIONS = select(Webhook).where(Webhook.user_id.is_(None)).order_by(Webhook.id)


def all_subscriptions() -> Sequence[Webhook]:
    """List every subscription, oldest first."""
    return db.session.scalars(_SUBSCRIPTIONS).all()


def get(subscription_id: int, *, lock: bool = False) -> Webhook:
    """Load a subscription as it is now. Raises NotFound."""
    query = _SUBSCRIPTIONS.where(Webhook.id == subscription_id)
    if lock:
        query = query.with_for_update()
    hook = db.session.scalar(query.execution_options(populate_existing=True))
    if hook is None:
        raise NotFound(_("Subscription not found. It may have been removed."))
    return hook


def create(
    url: str, types: Collection[str], *, actor: User, secret: str, now: datetime | None = None
) -> tuple[Webhook, str]:
    """Add a subscription.

    Args:
        url: a public https:// URL.
        types: what is sent there; names in `calls.TYPES`.
        secret: the application's key.
    Returns:
        The subscription and its signing secret, which is not shown again.
    Raises:
        Invalid: keyed `url` or `types`.
    """
    checked = _check(url=url, types=types)
    with writing():
        if (
            db.session.scalar(select(func.count()).select_from(_SUBSCRIPTIONS.subquery()))
            == MAX_SUBSCRIPTIONS
        ):
            most = MAX_SUBSCRIPTIONS
            raise Invalid(
                {"url": _("There can be at most %(most)s subscriptions. Remove one first.", most=most)}
            )
        hook = signed_webhooks.new_webhook(checked["url"], now or utc_now(), types=checked["types"])
        db.session.add(hook)
        audit.record("subscription.created", _host(hook), actor=actor, types=hook.types)
    return hook, signed_webhooks.newest_secret(hook, secret)


def change(
    subscription_id: int,
    *,
    actor: User,
    url: str | None = None,
    types: Collection[str] | None = None,
    is_enabled: bool | None = None,
    now: datetime | None = None,
) -> Webhook:
    """Change a subscription's URL or types, or turn it on or off. The secret is kept; waiting calls use the new URL.

    Raises:
        Invalid: keyed `url` or `types`.
        NotFound: it does not exist.
    """
    checked = _check(url=url, types=types)
    with writing():
        hook = get(subscription_id, lock=True)
        if checked.get("url", hook.url) != hook.url:
            signed_webhooks.set_url(hook, checked["url"])
            audit.record("subscription.changed", _host(hook), actor=actor, subscription=hook.id)
        if checked.get("types", hook.types) != hook.types:
            hook.types = checked["types"]
            audit.record(
                "subscription.changed", _host(hook), actor=actor, subscription=hook.id, types=hook.types
            )
        if is_enabled is True and not hook.is_enabled:
            signed_webhooks.turn_on(hook)
            audit.record("subscription.switched_on", _host(hook), actor=actor, subscription=hook.id)
        if is_enabled is False and hook.is_enabled:
            signed_webhooks.turn_off(hook, _("by an admin"), now or utc_now())
            audit.record("subscription.switched_off", _host(hook), actor=actor, subscription=hook.id)
    return hook


def rotate(
    subscription_id: int, *, actor: User, secret: str, now: datetime | None = None
) -> tuple[Webhook, str]:
    """Give a subscription a new secret. Calls are also signed with the old one for 24 hours.

    Returns:
        The subscription and its new secret.
    Raises:
        NotFound: it does not exist.
        Conflict: the old secret still works; a third one would end it early.
    """
    with writing():
        hook = get(subscription_id, lock=True)
        signed_webhooks.replace_secret(hook, now or utc_now())
        audit.record("subscription.rotated", _host(hook), actor=actor, subscription=hook.id)
    return hook, signed_webhooks.newest_secret(hook, secret)


def remove(subscription_id: int, *, actor: User) -> None:
    """Remove a subscription. Raises NotFound."""
    with writing():
        hook = get(subscription_id, lock=True)
        db.session.delete(hook)
        audit.record("subscription.removed", _host(hook), actor=actor, subscription=hook.id)


def send_test(subscription_id: int, now: datetime | None = None) -> Delivery:
    """Queue a test call.

    Raises:
        NotFound: the subscription does not exist.
        Conflict: it is off.
        LimitReached: ten tests were sent within ten minutes.
    """
    now = now or utc_now()
    with writing():
        hook = get(subscription_id, lock=True)
        if not hook.is_enabled:
            raise Conflict(_("This subscription is off. Turn it on before you test it."))
        recent = select(Delivery.created_at).where(
            Delivery.recipient_id.is_(None),
            Delivery.room_message_id.is_(None),
            Delivery.kind == "test",
            Delivery.created_at > now - TESTS_WINDOW,
        )
        sent_at = sorted(db.session.scalars(recent))
        if len(sent_at) >= MAX_TESTS:
            wait = sent_at[-MAX_TESTS] + TESTS_WINDOW - now
            raise LimitReached(
                _("At most %(most)s tests can be sent in ten minutes. Try again later.", most=MAX_TESTS),
                max(1, int(wait.total_seconds())),
            )
        return calls.queue_test(hook, now, TEST_LIFETIME)


def _check(*, url: str | None, types: Collection[str] | None) -> dict[str, Any]:
    """Return the values that were given in the form in which they are stored. Raises Invalid."""
    checked: dict[str, Any] = {}
    errors: dict[str, str] = {}
    if url is not None:
        try:
            checked["url"] = signed_webhooks.usable_url(url)
        except Invalid as error:
            errors |= error.errors
    if types is not None:
        checked["types"] = [name for name in calls.TYPES if name in types]
        if not types or set(types) - calls.TYPES.keys():
            errors["types"] = _("Choose at least one of: %(names)s.", names=", ".join(calls.TYPES))
    if errors:
        raise Invalid(errors)
    return checked


def _host(hook: Webhook) -> str:
    """Return the host alone for the audit log, because the path may contain a secret."""
    return signed_webhooks.host_of(hook.url)

"""Webhooks: URLs that a user's notifications are posted to, signed as Standard Webhooks 1.0 says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import select

from app.clock import utc_now
from app.database.base import db
from app.database.writing import writing
from app.models import User, Webhook
from app.services.accounts import notices, users
from app.services.base import audit, signed_webhooks
from app.services.base.errors import Invalid, NotFound

MAX_WEBHOOKS = 5


def for_user(user: User) -> Sequence[Webhook]:
    """List a user's webhooks, oldest first."""
    return db.session.scalars(select(Webhook).where(Webhook.user_id == user.id).order_by(Webhook.id)).all()


def get(user: User, webhook_id: int) -> Webhook:
    """Load one of a user's webhooks. Raises NotFound if it is not theirs."""
    own = select(Webhook).where(Webhook.id == webhook_id, Webhook.user_id == user.id)
    hook = db.session.scalar(own.execution_options(populate_existing=True))
    if hook is None:
        raise NotFound(_("Webhook not found. It may have been removed."))
    return hook


def create(user: User, url: str, *, secret: str, now: datetime | None = None) -> tuple[Webhook, str]:
    """Add a webhook and turn the channel on.

    Args:
        secret: the application's key.
    Returns:
        The webhook and its signing secret, which is not shown again.
    Raises:
        Invalid: keyed `url`.
    """
    url, now = signed_webhooks.usable_url(url), now or utc_now()
    with writing():
        user = users.get_for_update(user.id)
        if len(for_user(user)) >= MAX_WEBHOOKS:
            raise Invalid(
                {"url": _("You can have at most %(most)s webhooks. Remove one first.", most=MAX_WEBHOOKS)}
            )
        hook = signed_webhooks.new_webhook(url, now, user_id=user.id)
        db.session.add(hook)
        user.preference.webhook_enabled = True
        host = signed_webhooks.host_of(url)
        audit.record("webhook.created", user.email, actor=user, host=host)
        notices.queue_webhook_notice(user, host, now)
    return hook, signed_webhooks.newest_secret(hook, secret)


def rotate(user: User, webhook_id: int, *, secret: str, now: datetime | None = None) -> tuple[Webhook, str]:
    """Give a webhook a new secret. Calls are also signed with the old one for 24 hours.

    Returns:
        The webhook and its new secret.
    Raises:
        NotFound: the webhook is not this user's.
        Conflict: the old secret still works; a third one would end it early.
    """
    now = now or utc_now()
    with writing():
        user = users.get_for_update(user.id)
        hook = get(user, webhook_id)
        signed_webhooks.replace_secret(hook, now)
        audit.record("webhook.rotated", user.email, actor=user, webhook=hook.id)
    return hook, signed_webhooks.newest_secret(hook, secret)


def change(
    user: User,
    webhook_id: int,
    *,
    url: str | None = None,
    is_enabled: bool | None = None,
    now: datetime | None = None,
) -> Webhook:
    """Change a webhook's URL, or enable or disable it. The secret is kept; queued deliveries use the new URL.

    Raises:
        Invalid: keyed `url`.
        NotFound: the webhook is not this user's.
    """
    if url is not None:
        url = signed_webhooks.usable_url(url)
    with writing():
        user = users.get_for_update(user.id)
        hook = get(user, webhook_id)
        if url is not None and url != hook.url:
            hook.url, hook.failures, hook.failing_since = url, 0, None
            host = signed_webhooks.host_of(url)
            audit.record("webhook.changed", user.email, actor=user, webhook=hook.id, host=host)
            notices.queue_webhook_notice(user, host, now or utc_now())
        if is_enabled is True and hook.disabled_at is not None:
            signed_webhooks.turn_on(hook)
            audit.record("webhook.switched_on", user.email, actor=user, webhook=hook.id)
        if is_enabled is False and hook.disabled_at is None:
            signed_webhooks.turn_off(hook, _("by its owner"), now or utc_now())
            audit.record("webhook.switched_off", user.email, actor=user, webhook=hook.id)
    return hook


def remove(user: User, webhook_id: int) -> None:
    """Remove a webhook. Raises NotFound if it is not this user's."""
    with writing():
        user = users.get_for_update(user.id)
        hook = get(user, webhook_id)
        db.session.delete(hook)
        audit.record("webhook.removed", user.email, actor=user, webhook=hook.id)

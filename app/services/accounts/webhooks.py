"""Webhooks: URLs that a user's notifications are posted to, signed as Standard Webhooks 1.0 says."""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import select

from app import addresses
from app.channels import safe_http
from app.clock import utc_now
from app.database.base import db
from app.database.writing import writing
from app.models import User, Webhook
from app.services.accounts import notices, users
from app.services.base import audit
from app.services.base.errors import Conflict, Invalid, NotFound

MAX_WEBHOOKS = 5
# How long calls are also signed with the old secret, so that its owner can switch over without losing one.
OVERLAP = timedelta(hours=24)


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
    url, now = _usable_url(url), now or utc_now()
    with writing():
        user = users.get_for_update(user.id)
        if len(for_user(user)) >= MAX_WEBHOOKS:
            raise Invalid({"url": _("You can have %(most)s webhooks. Remove one first.", most=MAX_WEBHOOKS)})
        hook = Webhook(
            user_id=user.id,
            url=url,
            secret_salt=secrets.token_hex(16),
            created_at=now,
            rotation=1,
        )
        db.session.add(hook)
        user.preference.webhook_enabled = True
        host = safe_http.parse_url(url).hostname or ""
        audit.record("webhook.created", user.email, actor=user, host=host)
        notices.webhook_added(user, host, now)
    return hook, _derive_secret(hook, hook.rotation, secret)


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
        if _is_overlapping(hook, now):
            raise Conflict(
                _("The secret was replaced within the last 24 hours. Wait until the old one stops working.")
            )
        hook.rotation, hook.rotated_at = hook.rotation + 1, now
        audit.record("webhook.rotated", user.email, actor=user, webhook=hook.id)
    return hook, _derive_secret(hook, hook.rotation, secret)


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
        url = _usable_url(url)
    with writing():
        user = users.get_for_update(user.id)
        hook = get(user, webhook_id)
        if url is not None and url != hook.url:
            hook.url, hook.failures, hook.failing_since = url, 0, None
            host = safe_http.parse_url(url).hostname or ""
            audit.record("webhook.changed", user.email, actor=user, webhook=hook.id, host=host)
            notices.webhook_added(user, host, now or utc_now())
        if is_enabled is True and hook.disabled_at is not None:
            hook.disabled_at, hook.disabled_reason, hook.failures, hook.failing_since = None, "", 0, None
            audit.record("webhook.switched_on", user.email, actor=user, webhook=hook.id)
        if is_enabled is False and hook.disabled_at is None:
            hook.disabled_at, hook.disabled_reason = now or utc_now(), _("by its owner")
            audit.record("webhook.switched_off", user.email, actor=user, webhook=hook.id)
    return hook


def remove(user: User, webhook_id: int) -> None:
    """Remove a webhook. Raises NotFound if it is not this user's."""
    hook = get(user, webhook_id)
    db.session.delete(hook)
    audit.record("webhook.removed", user.email, actor=user, webhook=hook.id)
    db.session.commit()


def signing_secrets(hook: Webhook, secret: str, now: datetime) -> tuple[str, ...]:
    """List the secrets that sign a call at an instant, newest first."""
    rotations = (hook.rotation, hook.rotation - 1) if _is_overlapping(hook, now) else (hook.rotation,)
    return tuple(_derive_secret(hook, rotation, secret) for rotation in rotations)


def _is_overlapping(hook: Webhook, now: datetime) -> bool:
    """Tell whether the secret before the present one still signs."""
    return hook.rotated_at is not None and now < hook.rotated_at + OVERLAP


def _derive_secret(hook: Webhook, rotation: int, secret: str) -> str:
    seed = f"bellhop.webhook:{hook.id}:{hook.secret_salt}:{rotation}"
    return "whsec_" + base64.b64encode(hmac.digest(secret.encode(), seed.encode(), "sha256")).decode()


def _usable_url(url: str) -> str:
    try:
        parts = safe_http.parse_url(addresses.trim(url))
    except ValueError as error:
        raise Invalid({"url": _("Enter a URL such as https://example.com/hooks/bellhop.")}) from error
    if parts.scheme != "https":
        raise Invalid({"url": _("The URL must start with https://.")})
    if not safe_http.looks_public(parts):
        raise Invalid({"url": _("This URL is not on the public internet.")})
    url = parts.geturl()
    if len(url) > 500:
        raise Invalid({"url": _("The URL is too long.")})
    return url

"""Rules that webhooks of people and subscriptions share: public URLs, derived secrets, turning on and off."""

from __future__ import annotations

import base64
import hmac
import secrets
from datetime import datetime, timedelta

from flask_babel import gettext as _

from app import canonical_addresses
from app.channels import safe_http
from app.models import Webhook
from app.services.base.errors import Conflict, Invalid

# How long calls are also signed with the old secret, so that its owner can switch over without losing one.
OVERLAP = timedelta(hours=24)


def usable_url(url: str) -> str:
    """Return a URL in the form in which it is stored.

    Raises:
        Invalid: it is not a public https:// URL; keyed `url`.
    """
    try:
        parts = safe_http.parse_url(canonical_addresses.trim(url))
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


def host_of(url: str) -> str:
    """Return the host of a stored URL: what logs may name, because a path may be a secret."""
    return safe_http.parse_url(url).hostname or ""


def new_webhook(
    url: str, now: datetime, *, user_id: int | None = None, types: list[str] | None = None
) -> Webhook:
    """Build a webhook with a secret of its own."""
    return Webhook(
        user_id=user_id,
        url=url,
        types=types or [],
        secret_salt=secrets.token_hex(16),
        rotation=1,
        created_at=now,
    )


def set_url(hook: Webhook, url: str) -> None:
    """Point a webhook to another URL, which has not failed yet."""
    hook.url, hook.failures, hook.failing_since = url, 0, None


def turn_on(hook: Webhook) -> None:
    """Turn a webhook on again."""
    hook.enable()


def turn_off(hook: Webhook, reason: str, now: datetime) -> None:
    """Turn a webhook off."""
    hook.disabled_at, hook.disabled_reason = now, reason[:300]


def replace_secret(hook: Webhook, now: datetime) -> None:
    """Give a webhook a new secret. Calls are also signed with the old one for 24 hours.

    Raises:
        Conflict: the old secret still works; a third one would end it early.
    """
    if _is_overlapping(hook, now):
        raise Conflict(
            _("The secret was replaced within the last 24 hours. Wait until the old one stops working.")
        )
    hook.rotation, hook.rotated_at = hook.rotation + 1, now


def newest_secret(hook: Webhook, secret: str) -> str:
    """Derive a webhook's present secret from the application's key, `secret`."""
    return _derive_secret(hook, hook.rotation, secret)


def signing_secrets(hook: Webhook, secret: str, now: datetime) -> tuple[str, ...]:
    """List the secrets that sign a call at an instant, newest first."""
    rotations = (hook.rotation, hook.rotation - 1) if _is_overlapping(hook, now) else (hook.rotation,)
    return tuple(_derive_secret(hook, rotation, secret) for rotation in rotations)


def _is_overlapping(hook: Webhook, now: datetime) -> bool:
    """Whether the secret before the present one still signs."""
    return hook.rotated_at is not None and now < hook.rotated_at + OVERLAP


def _derive_secret(hook: Webhook, rotation: int, secret: str) -> str:
    seed = f"bellhop.webhook:{hook.id}:{hook.secret_salt}:{rotation}"
    return "whsec_" + base64.b64encode(hmac.digest(secret.encode(), seed.encode(), "sha256")).decode()

"""Webhooks: a person's notifications, posted to a program of theirs and signed (Standard Webhooks 1.0)."""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import select

from app.channels import safe_http
from app.clock import utc_now
from app.database.base import db
from app.models import User, Webhook
from app.services.accounts import users
from app.services.base import audit
from app.services.base.errors import Conflict, Invalid, NotFound

MAX_WEBHOOKS = 5
# For so long a replaced secret signs as well, so that its owner can change over without losing a call.
OVERLAP = timedelta(hours=24)


def for_user(user: User) -> Sequence[Webhook]:
    """A person's webhooks, oldest first."""
    return db.session.scalars(select(Webhook).where(Webhook.user_id == user.id).order_by(Webhook.id)).all()


def get(user: User, webhook_id: int) -> Webhook:
    """A webhook of one's own. Raises NotFound for another's."""
    mine = select(Webhook).where(Webhook.id == webhook_id, Webhook.user_id == user.id)
    hook = db.session.scalar(mine.execution_options(populate_existing=True))
    if hook is None:
        raise NotFound(_("There is no such webhook."))
    return hook


def create(user: User, url: str, *, secret: str, now: datetime | None = None) -> tuple[Webhook, str]:
    """Add a webhook and switch the channel on. Its secret is in the answer and is not shown again.

    Args:
        secret: the application's key.
    Raises:
        Invalid: keyed `url`.
    """
    address = _checked(url)
    user = users.get_for_update(user.id)
    if len(for_user(user)) >= MAX_WEBHOOKS:
        db.session.rollback()
        raise Invalid({"url": _("Remove a webhook first: there can be %(most)s of them.", most=MAX_WEBHOOKS)})
    hook = Webhook(
        user_id=user.id,
        url=address,
        secret_salt=secrets.token_hex(16),
        created_at=now or utc_now(),
        rotation=1,
    )
    db.session.add(hook)
    user.preference.webhook_enabled = True
    audit.record("webhook.created", user.email, actor=user, host=safe_http.parse_url(address).hostname)
    db.session.commit()
    return hook, _secret(hook, hook.rotation, secret)


def rotate(user: User, webhook_id: int, *, secret: str, now: datetime | None = None) -> tuple[Webhook, str]:
    """Give a webhook a new secret; the one before signs beside it for a day.

    Raises:
        NotFound: for another's.
        Conflict: within that day, for a third secret would end the first one early.
    """
    now = now or utc_now()
    user = users.get_for_update(user.id)
    hook = get(user, webhook_id)
    if _overlaps(hook, now):
        db.session.rollback()
        raise Conflict(
            _(
                "This webhook got a new secret within the last 24 hours. Wait until the one before has run out."
            )
        )
    hook.rotation, hook.rotated_at = hook.rotation + 1, now
    audit.record("webhook.rotated", user.email, actor=user, webhook=hook.id)
    db.session.commit()
    return hook, _secret(hook, hook.rotation, secret)


def change(
    user: User,
    webhook_id: int,
    *,
    url: str | None = None,
    is_on: bool | None = None,
    now: datetime | None = None,
) -> Webhook:
    """Lead a webhook elsewhere, or switch it off and on; its secret stays, what waits goes where it leads then.

    Raises:
        Invalid: keyed `url`.
        NotFound: for another's.
    """
    address = _checked(url) if url is not None else None
    user = users.get_for_update(user.id)
    hook = get(user, webhook_id)
    if address is not None and address != hook.url:
        hook.url, hook.failures, hook.failing_since = address, 0, None
        host = safe_http.parse_url(address).hostname
        audit.record("webhook.changed", user.email, actor=user, webhook=hook.id, host=host)
    if is_on is True and hook.disabled_at is not None:
        hook.disabled_at, hook.disabled_reason, hook.failures, hook.failing_since = None, "", 0, None
        audit.record("webhook.switched_on", user.email, actor=user, webhook=hook.id)
    if is_on is False and hook.disabled_at is None:
        hook.disabled_at, hook.disabled_reason = now or utc_now(), _("by its owner")
        audit.record("webhook.switched_off", user.email, actor=user, webhook=hook.id)
    db.session.commit()
    return hook


def remove(user: User, webhook_id: int) -> None:
    """Forget a webhook. Raises NotFound for another's."""
    hook = get(user, webhook_id)
    db.session.delete(hook)
    audit.record("webhook.removed", user.email, actor=user, webhook=hook.id)
    db.session.commit()


def secrets_of(hook: Webhook, secret: str, now: datetime) -> tuple[str, ...]:
    """The secrets that sign a call made now, the newest first."""
    rotations = (hook.rotation, hook.rotation - 1) if _overlaps(hook, now) else (hook.rotation,)
    return tuple(_secret(hook, rotation, secret) for rotation in rotations)


def _overlaps(hook: Webhook, now: datetime) -> bool:
    return hook.rotated_at is not None and now < hook.rotated_at + OVERLAP


def _secret(hook: Webhook, rotation: int, secret: str) -> str:
    seed = f"bellhop.webhook:{hook.id}:{hook.secret_salt}:{rotation}"
    return "whsec_" + base64.b64encode(hmac.digest(secret.encode(), seed.encode(), "sha256")).decode()


def _checked(url: str) -> str:
    text = url.strip()
    try:
        parts = safe_http.parse_url(text)
    except ValueError as error:
        raise Invalid({"url": _("Write a web address such as https://example.com/hooks/bellhop.")}) from error
    if parts.scheme != "https":
        raise Invalid({"url": _("The address must begin with https://.")})
    if not safe_http.looks_public(parts):
        raise Invalid({"url": _("This address is not on the open internet.")})
    if len(text) > 500:
        raise Invalid({"url": _("The address is too long.")})
    return text

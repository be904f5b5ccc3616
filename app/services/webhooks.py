"""Webhooks: a person's notifications, posted to a program of theirs and signed (Standard Webhooks 1.0)."""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from app.channels import web
from app.clock import utc_now
from app.extensions import db
from app.models import Delivery, User, Webhook
from app.services import accounts, audit, verdicts
from app.services.errors import Invalid, NotFound

MOST = 5
# For so long a replaced secret signs as well, so that its owner can change over without losing a call.
OVERLAP = timedelta(hours=24)
RECENT = 10


@dataclass(frozen=True)
class Call:
    """One delivery to a webhook, and its words."""

    row: Delivery
    title: str
    verdict: str


@dataclass(frozen=True)
class Shown:
    """A webhook and its newest calls."""

    hook: Webhook
    calls: list[Call]

    @property
    def is_busy(self) -> bool:
        """Whether a test is on its way that somebody waits for."""
        return any(
            call.row.kind == "test" and call.row.state in {"pending", "claimed"} for call in self.calls
        )


def for_user(user: User) -> list[Shown]:
    """A person's webhooks, oldest first, each with its recent calls."""
    return [Shown(hook, [_call(row, user) for row in _calls(hook)]) for hook in _mine(user)]


def _mine(user: User) -> Sequence[Webhook]:
    return db.session.scalars(select(Webhook).where(Webhook.user_id == user.id).order_by(Webhook.id)).all()


def _call(row: Delivery, user: User) -> Call:
    words = verdicts.words(
        row.state,
        row.reason,
        row.reason_data,
        time_zone=user.time_zone,
        locale=user.locale,
        due_at=row.due_at,
    )
    return Call(row, row.notification.title if row.notification else _("Test"), words)


def create(user: User, url: str, *, secret: str, now: datetime | None = None) -> tuple[Webhook, str]:
    """Add a webhook and switch the channel on. Its secret is in the answer and is not shown again.

    Args:
        secret: the application's key.
    Raises:
        Invalid: keyed `url`.
    """
    address = _checked(url)
    user = accounts.locked(user.id)
    if len(_mine(user)) >= MOST:
        db.session.rollback()
        raise Invalid({"url": _("Remove a webhook first: there can be %(most)s of them.", most=MOST)})
    hook = Webhook(
        user_id=user.id,
        url=address,
        secret_salt=secrets.token_hex(16),
        created_at=now or utc_now(),
        rotation=1,
    )
    db.session.add(hook)
    user.preference.webhook_enabled = True
    audit.record("webhook.created", user.email, actor=user, host=web.check(address).hostname)
    db.session.commit()
    return hook, _secret(hook, hook.rotation, secret)


def rotate(user: User, webhook_id: int, *, secret: str, now: datetime | None = None) -> tuple[Webhook, str]:
    """Give a webhook a new secret; the one before signs beside it for a day. Raises NotFound for another's."""
    user = accounts.locked(user.id)
    hook = _own(user, webhook_id)
    hook.rotation, hook.rotated_at = hook.rotation + 1, now or utc_now()
    audit.record("webhook.rotated", user.email, actor=user, webhook=hook.id)
    db.session.commit()
    return hook, _secret(hook, hook.rotation, secret)


def switch_on(user: User, webhook_id: int) -> None:
    """Try a webhook again that was switched off. Raises NotFound for another's."""
    hook = _own(user, webhook_id)
    hook.disabled_at, hook.disabled_reason, hook.failures, hook.failing_since = None, "", 0, None
    audit.record("webhook.switched_on", user.email, actor=user, webhook=hook.id)
    db.session.commit()


def remove(user: User, webhook_id: int) -> None:
    """Forget a webhook. Raises NotFound for another's."""
    hook = _own(user, webhook_id)
    db.session.delete(hook)
    audit.record("webhook.removed", user.email, actor=user, webhook=hook.id)
    db.session.commit()


def send_test(user: User, webhook_id: int, *, now: datetime | None = None) -> None:
    """Put a test call into the outbox. Raises NotFound for another's."""
    hook, now = _own(user, webhook_id), now or utc_now()
    db.session.add(
        Delivery(
            kind="test",
            recipient_id=user.id,
            channel="webhook",
            address=hook.address,
            created_at=now,
            due_at=now,
            # Somebody waits for its answer: a test that comes hours later helps nobody.
            expires_at=now + timedelta(minutes=10),
        )
    )
    db.session.commit()


def secrets_of(hook: Webhook, secret: str, now: datetime) -> tuple[str, ...]:
    """The secrets that sign a call made now, the newest first."""
    overlaps = hook.rotated_at is not None and now < hook.rotated_at + OVERLAP
    rotations = (hook.rotation, hook.rotation - 1) if overlaps else (hook.rotation,)
    return tuple(_secret(hook, rotation, secret) for rotation in rotations)


def _secret(hook: Webhook, rotation: int, secret: str) -> str:
    seed = f"bellhop.webhook:{hook.id}:{hook.secret_salt}:{rotation}"
    return "whsec_" + base64.b64encode(hmac.digest(secret.encode(), seed.encode(), "sha256")).decode()


def _calls(hook: Webhook) -> Sequence[Delivery]:
    # By the person first: that is what the index knows.
    query = select(Delivery).where(
        Delivery.recipient_id == hook.user_id, Delivery.channel == "webhook", Delivery.address == hook.address
    )
    newest = query.order_by(Delivery.id.desc()).limit(RECENT)
    loaded = newest.options(selectinload(Delivery.log), joinedload(Delivery.notification))
    return db.session.scalars(loaded.execution_options(populate_existing=True)).all()


def _own(user: User, webhook_id: int) -> Webhook:
    mine = select(Webhook).where(Webhook.id == webhook_id, Webhook.user_id == user.id)
    hook = db.session.scalar(mine.execution_options(populate_existing=True))
    if hook is None:
        raise NotFound(_("There is no such webhook."))
    return hook


def _checked(url: str) -> str:
    text = url.strip()
    try:
        parts = web.check(text)
    except ValueError as error:
        raise Invalid({"url": _("Write a web address such as https://example.com/hooks/bellhop.")}) from error
    if parts.scheme != "https":
        raise Invalid({"url": _("The address must begin with https://.")})
    if not web.may_be_public(parts):
        raise Invalid({"url": _("This address is not on the open internet.")})
    if len(text) > 500:
        raise Invalid({"url": _("The address is too long.")})
    return text

"""Access to an account that works without its password: API tokens, webhooks, and browsers that get push messages.

The Workflows webhook of Microsoft Teams counts as a webhook.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select

from app.clock import utc_now
from app.database.base import db
from app.database.writing import BULK, writing
from app.models import PushSubscription, TeamsAddress, User, Webhook
from app.services.accounts import tokens
from app.services.base import audit


@dataclass(frozen=True)
class Access:
    """The number of each that a user has."""

    tokens: int
    webhooks: int
    browsers: int

    def __bool__(self) -> bool:
        return any((self.tokens, self.webhooks, self.browsers))


def count(user: User) -> Access:
    """Count what works without the user's password."""
    return Access(
        len(tokens.for_user(user)),
        _count(Webhook, user) + _count(TeamsAddress, user),
        _count(PushSubscription, user),
    )


def revoke(user: User, *, now: datetime | None = None) -> Access:
    """Revoke a user's tokens and remove their webhooks and browsers; returns how many there were."""
    with writing(lock=User, row_id=user.id):
        return revoke_all(user, actor=user, now=now or utc_now())


def revoke_all(user: User, *, actor: User, now: datetime) -> Access:
    """Do what `revoke` does, in the caller's transaction."""
    found = count(user)
    if not found:
        return found
    tokens.revoke_all(user, now)
    for model in (Webhook, TeamsAddress, PushSubscription):
        db.session.execute(delete(model).where(model.user_id == user.id).execution_options(**BULK))
    audit.record(
        "access.revoked",
        user.email,
        actor=actor,
        tokens=found.tokens,
        webhooks=found.webhooks,
        browsers=found.browsers,
    )
    return found


def _count(model: type[Webhook] | type[TeamsAddress] | type[PushSubscription], user: User) -> int:
    return db.session.scalar(select(func.count()).where(model.user_id == user.id)) or 0

"""How a digest stands to the mails that it replaces: whether it comes, what it took up, what is left without it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, Update, bindparam, false, func, select, update

from app.catalog import DAILY_DIGEST, DIGESTS
from app.database.base import db
from app.database.writing import BULK
from app.models import Delivery, Digest, Notification, NotificationTemplate, User, UserNotificationPreference
from app.models.delivery import OPEN_STATES

N = Notification
# How a digest's mail stands that its reader has, or is to have.
HAS_COME = ("sent", "uncertain")
# Built once: they run for every batch of mail.
_LIVE = select(NotificationTemplate.name).where(
    NotificationTemplate.name.in_(DIGESTS), NotificationTemplate.is_active
)
_TAKEN_UP = (
    select(Digest.user_id, func.max(Digest.settled_at))
    .join(Delivery, Delivery.id == Digest.delivery_id)
    .where(
        Digest.user_id.in_(bindparam("readers", expanding=True)),
        Digest.kind == DAILY_DIGEST,
        Delivery.state.in_([*OPEN_STATES, *HAS_COME]),
    )
    .group_by(Digest.user_id)
)


def active_digests() -> frozenset[str]:
    """The digests that admins have not switched off for everyone."""
    return frozenset(db.session.scalars(_LIVE))


def covered_until(user_ids: Collection[int]) -> dict[int, datetime]:
    """When the newest daily digest of each of these people took up what stood unread in the inbox."""
    if not user_ids:
        return {}
    return dict(db.session.execute(_TAKEN_UP, {"readers": list(user_ids)}).all())


def release_uncovered(now: datetime, *, user: User | None = None) -> None:
    """Give back, in the caller's transaction, what waits for a digest that will not come, after a switch was turned.

    What stands in the inbox stays there, and its verdict says so; what would have come by mail alone is mailed by
    itself. Where the digest is wanted again, both wait for it as before.

    Args:
        user: only this person's; default everyone's.
    """
    whose = () if user is None else (Delivery.recipient_id == user.id,)
    preference = UserNotificationPreference
    wanting = select(preference.user_id).where(preference.email_enabled, preference.daily_digest)
    comes = Delivery.recipient_id.in_(wanting) if DAILY_DIGEST in active_digests() else false()

    def those(*conditions: ColumnElement[bool], is_shown: bool) -> Update:
        stands = N.surfaced_at.is_not(None) if is_shown else N.surfaced_at.is_(None)
        left = select(N.id).where(
            N.id == Delivery.notification_id,
            stands,
            N.read_at.is_(None),
            N.archived_at.is_(None),
            ~_was_listed(),
        )
        mine = Delivery.channel == "email", Delivery.state == "skipped"
        return update(Delivery).where(*whose, *mine, *conditions, left.exists())

    waits = Delivery.reason == "in_digest"
    for change in (
        those(Delivery.reason == "digest_gone", comes, is_shown=True).values(reason="in_digest"),
        those(waits, ~comes, is_shown=True).values(reason="digest_gone"),
    ):
        db.session.execute(change, execution_options=BULK)
    alone = those(waits, ~comes, is_shown=False).values(state="pending", reason="queued", due_at=now)
    ids = list(db.session.scalars(alone.returning(Delivery.notification_id), execution_options=BULK))
    # Nobody was to be told of these by anything but the digest, so they counted as called off.
    again = update(N).where(N.id.in_(ids), N.status == "cancelled").values(status="pending")
    db.session.execute(again, execution_options=BULK)


def _was_listed() -> ColumnElement[bool]:
    """Whether a digest that its reader has listed this notification."""
    mail = select(Delivery.state).where(Delivery.id == Digest.delivery_id).scalar_subquery()
    return (
        select(Digest.id)
        .where(
            Digest.user_id == N.recipient_id,
            Digest.kind == DAILY_DIGEST,
            mail.in_(HAS_COME),
            Digest.settled_at >= func.coalesce(N.surfaced_at, N.created_at),
        )
        .exists()
    )

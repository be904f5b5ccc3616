"""The link in a digest that marks what it held as read: signed, for one person and one moment, and without end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask_babel import gettext as _
from itsdangerous import BadData, URLSafeSerializer

from app.clock import utc_now
from app.database.base import db
from app.models import NotificationChange, User
from app.services.base.errors import NotFound
from app.services.digests import contents
from app.services.notifications import actions as notification_actions

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class UnreadBatch:
    """What a link speaks of: whatever stood unread in a person's inbox at a moment, and is unread still."""

    user: User
    as_of: datetime
    count: int


def link(user: User, as_of: datetime, secret: str, base_url: str) -> str:
    """The address that asks whether to mark read what a digest of that moment held."""
    token = _serializer(secret).dumps([user.id, (as_of - EPOCH) // timedelta(microseconds=1)])
    return f"{base_url}/digests/{token!s}"


def find(token: str, secret: str, now: datetime | None = None) -> UnreadBatch:
    """What a link stands for; nothing is changed, for mail scanners follow links.

    Raises:
        NotFound: the link was cut short or not made here, or its reader is gone.
    """
    try:
        user_id, micros = _serializer(secret).loads(token)
    except (BadData, TypeError, ValueError) as error:
        raise NotFound(_("This link is not complete. Use the one in the mail as it is.")) from error
    user = db.session.get(User, user_id)
    if user is None:
        raise NotFound(_("This account is gone, and so is its mail."))
    as_of = EPOCH + timedelta(microseconds=micros)
    counts = contents.counts([user.id], as_of, now or utc_now())
    return UnreadBatch(user, as_of, sum(counts.get(user.id, {}).values()))


def mark_read(token: str, secret: str, now: datetime | None = None) -> NotificationChange:
    """Mark them read; a second time changes nothing. Raises NotFound as `find` does."""
    now = now or utc_now()
    pile = find(token, secret, now)
    return notification_actions.change(
        pile.user, "read", contents.unread([pile.user.id], pile.as_of, now), now
    )


def undo_token(token: str, secret: str, made: NotificationChange) -> str:
    """What takes back this change, which was made through this link, and no other."""
    return str(_serializer(secret).dumps([token, made.id]))


def undo(token: str, secret: str, back: str, now: datetime | None = None) -> NotificationChange:
    """Take it back, for ten minutes; `back` is its `way_back`. Raises NotFound as `find` and `changes.undo` do."""
    user = find(token, secret, now).user
    try:
        through, change_id = _serializer(secret).loads(back)
    except (BadData, TypeError, ValueError):
        through, change_id = "", 0
    if through != token:
        raise NotFound(_("This can no longer be undone."))
    return notification_actions.undo(user, change_id, now)


def _serializer(secret: str) -> URLSafeSerializer:
    return URLSafeSerializer(secret, salt="bellhop.digest")

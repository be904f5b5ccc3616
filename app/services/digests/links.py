"""The link in a digest that marks its notifications as read: signed, for one person and moment, without expiry."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _

from app.clock import from_microseconds, to_microseconds, utc_now
from app.database.base import db
from app.models import Notification, NotificationChange, User
from app.services.base import signed_links
from app.services.base.errors import NotFound
from app.services.digests import contents
from app.services.notifications import actions as notification_actions
from app.services.notifications import undo as notification_undo

_PURPOSE = "digest"


@dataclass(frozen=True)
class UnreadBatch:
    """The notifications of one link: those that were unread when the digest was settled and still are."""

    user: User
    as_of: datetime
    count: int


def mark_read_link(user: User, as_of: datetime, secret: str, base_url: str) -> str:
    """Return the URL of the page that offers to mark a digest's notifications as read.

    Args:
        as_of: when the digest was settled.
    """
    values = [user.id, to_microseconds(as_of)]
    token = signed_links.sign_permanent(values, purpose=_PURPOSE, secret=secret)
    return f"{base_url}/digests/{token}"


def find(token: str, secret: str, now: datetime | None = None) -> UnreadBatch:
    """Look up the notifications of a link. Changes nothing, because mail scanners follow links.

    Raises:
        NotFound: the link is incomplete or forged, or the account was deleted.
    """
    user_id, microseconds = signed_links.read_permanent(token, purpose=_PURPOSE, secret=secret)
    # An undo token has the same signature, but starts with a text.
    user = db.session.get(User, user_id) if isinstance(user_id, int) else None
    if user is None:
        raise NotFound(_("This account has been deleted."))
    as_of = from_microseconds(microseconds)
    counts = contents.count_unread([user.id], as_of, now or utc_now())
    return UnreadBatch(user, as_of, sum(counts.get(user.id, {}).values()))


def mark_read(token: str, secret: str, now: datetime | None = None) -> NotificationChange:
    """Mark the notifications of a link as read; a second call changes nothing.

    Raises:
        NotFound: as `find`.
    """
    now = now or utc_now()
    batch = find(token, secret, now)
    unread = contents.unread_conditions(Notification.recipient_id == batch.user.id, batch.as_of, now)
    return notification_actions.change_matching(batch.user, "read", unread, now)


def undo_token(token: str, secret: str, change: NotificationChange) -> str:
    """Return a token that undoes this change, which was made through this link."""
    return signed_links.sign_permanent([token, change.id], purpose=_PURPOSE, secret=secret)


def undo(token: str, secret: str, undo_token: str, now: datetime | None = None) -> NotificationChange:
    """Undo a change that was made through a link within the last ten minutes.

    Raises:
        NotFound: as `find` and `undo.undo_change`, or the change was made through another link.
    """
    user = find(token, secret, now).user
    made_through, change_id = signed_links.read_permanent(undo_token, purpose=_PURPOSE, secret=secret)
    if made_through != token:
        raise NotFound(_("This can no longer be undone."))
    return notification_undo.undo_change(user, change_id, now)

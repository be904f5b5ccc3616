"""Browsers that are subscribed to push notifications."""

from __future__ import annotations

import base64
import binascii
import hmac
from datetime import datetime
from urllib.parse import urlsplit

from flask_babel import gettext as _
from sqlalchemy import select

from app.channels import push, safe_http
from app.clock import utc_now
from app.database.base import db
from app.database.writing import writing
from app.models import PushSubscription, User
from app.rendering import plain_text
from app.services.accounts import direct_messages, users
from app.services.base import audit
from app.services.base.errors import Invalid, NotFound

MAX_BROWSERS = 10
# An uncompressed point on P-256 and the shared secret (RFC 8291, 3.1 and 3.2).
P256DH_BYTES, AUTH_BYTES = 65, 16


def public_key(private_key: str) -> str:
    """Return our public key in the form that `PushManager.subscribe` takes."""
    return push.public_key(private_key)


def for_user(user: User) -> list[PushSubscription]:
    """List a user's browsers, newest first."""
    own = select(PushSubscription).where(PushSubscription.user_id == user.id)
    return list(db.session.scalars(own.order_by(PushSubscription.id.desc())))


def subscribe(
    user: User, endpoint: str, p256dh: str, auth: str, label: str, *, now: datetime | None = None
) -> PushSubscription:
    """Store the result of a browser's `PushManager.subscribe` and turn push on. A browser is stored once.

    Args:
        label: the user's name for the browser.
    Raises:
        Invalid: keyed `endpoint`: the address or a key is not usable, there are too many browsers, or another user
            registered the address with other keys.
    """
    _check(endpoint, p256dh, auth)
    with writing():
        user = users.get_for_update(user.id)
        known = db.session.scalar(select(PushSubscription).where(PushSubscription.endpoint == endpoint))
        if known is None and len(for_user(user)) >= MAX_BROWSERS:
            raise Invalid(
                {
                    "endpoint": _(
                        "You can have at most %(most)s browsers. Remove one first.", most=MAX_BROWSERS
                    )
                }
            )
        if known is not None and known.user_id != user.id and not _has_keys(known, p256dh, auth):
            raise Invalid({"endpoint": _("This browser is registered for another account.")})
        # A known browser moves to the user who is signed in now. Its keys prove that it is that browser: an address
        # alone can be learned from elsewhere.
        row = known or PushSubscription(endpoint=endpoint, created_at=now or utc_now())
        row.user_id, row.p256dh, row.auth = user.id, p256dh.rstrip("="), auth.rstrip("=")
        row.label = plain_text.to_single_line(label)[:100] or _("A browser")
        user.preference.push_enabled = True
        db.session.add(row)
        audit.record("push.subscribed", user.email, actor=user, label=row.label)
    return row


def remove(user: User, subscription_id: int) -> PushSubscription:
    """Remove a browser. Raises NotFound if it is not this user's."""
    with writing():
        user = users.get_for_update(user.id)
        row = _own(user, subscription_id)
        db.session.delete(row)
        audit.record("push.removed", user.email, actor=user, label=row.label)
    return row


def send_test(user: User, subscription_id: int, *, now: datetime | None = None) -> None:
    """Queue a test message.

    Raises:
        NotFound: the browser is not this user's.
        LimitReached: the user sent many within a few minutes.
    """
    direct_messages.queue_test(user, "push", _own(user, subscription_id).address, now=now)


def _own(user: User, subscription_id: int) -> PushSubscription:
    row = db.session.scalar(
        select(PushSubscription).where(
            PushSubscription.id == subscription_id, PushSubscription.user_id == user.id
        )
    )
    if row is None:
        raise NotFound(_("Browser not found. It may have been removed."))
    return row


def _has_keys(row: PushSubscription, p256dh: str, auth: str) -> bool:
    """Compare keys in constant time."""
    given, kept = f"{p256dh.rstrip('=')} {auth.rstrip('=')}", f"{row.p256dh} {row.auth}"
    return hmac.compare_digest(given.encode(), kept.encode())


def _check(endpoint: str, p256dh: str, auth: str) -> None:
    try:
        is_usable = urlsplit(endpoint).scheme == "https" and safe_http.looks_public(
            safe_http.parse_url(endpoint)
        )
        sizes = [len(base64.urlsafe_b64decode(key + "=" * (-len(key) % 4))) for key in (p256dh, auth)]
    except (ValueError, binascii.Error):
        is_usable, sizes = False, []
    if not is_usable or sizes != [P256DH_BYTES, AUTH_BYTES] or len(p256dh) > 120 or len(auth) > 40:
        raise Invalid({"endpoint": _("This browser did not provide a usable push address.")})

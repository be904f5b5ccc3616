"""Account mails and the links in them: resetting a password, accepting an invitation."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import func, select

from app.clock import utc_now
from app.database.base import db
from app.models import Delivery, User
from app.services.accounts import passwords, users
from app.services.base import audit, signed_links
from app.services.base.errors import Invalid, NotFound

# How long the link of each account mail is good for.
LIFETIMES = {"password_reset": timedelta(hours=1), "invitation": timedelta(days=7)}
RESETS_AN_HOUR = 3
_PURPOSE = "account"


def request_password_reset(email: str, *, now: datetime | None = None) -> None:
    """Put a reset mail into the outbox, where the account exists; the caller learns nothing either way.

    An address gets at most three an hour. Both ways write and commit, so that time tells nothing either.
    """
    now = now or utc_now()
    user = users.by_email(email)
    if user is not None:
        user = users.get_for_update(user.id)
    if (
        user is not None
        and user.is_enabled
        and _resets_since(user, now - timedelta(hours=1)) < RESETS_AN_HOUR
    ):
        queue_account_email("password_reset", user, now)
    audit.record("password.reset_requested", user.email if user else users.address_or_none(email))
    db.session.commit()


def queue_account_email(kind: str, user: User, now: datetime) -> None:
    """Put an account mail into the outbox, in the caller's transaction. Its link is made when it is sent."""
    db.session.add(
        Delivery(
            kind=kind,
            recipient_id=user.id,
            channel="email",
            address=user.email,
            created_at=now,
            due_at=now,
            expires_at=now + LIFETIMES[kind],
        )
    )


def mail_link(kind: str, user: User, secret: str, base_url: str, now: datetime) -> str:
    """The address by which an account mail lets its reader choose a password.

    It works until a password is chosen, the person is switched off, or its time is over:
    an hour for `password_reset`, seven days for `invitation`, from `now`.
    """
    values = {"kind": kind, "user": user.id, "state": _state(user)}
    text = signed_links.sign(values, purpose=_PURPOSE, secret=secret, expires_at=now + LIFETIMES[kind])
    return f"{base_url}/password/reset/{text}"


def link_owner(text: str, *, secret: str, now: datetime | None = None) -> tuple[User, str]:
    """Whom a link belongs to, and the kind of its mail. Raises NotFound when it is over, used or forged."""
    values = signed_links.read(text, purpose=_PURPOSE, secret=secret, now=now or utc_now())
    user = db.session.get(User, values["user"], populate_existing=True)
    if user is None or not user.is_enabled or values["state"] != _state(user):
        raise NotFound(_("This link has expired or was used before."))
    return user, str(values["kind"])


def set_password_by_link(text: str, password: str, *, secret: str, now: datetime | None = None) -> User:
    """Choose a password by the link of an account mail; every session ends, and so does the link.

    Raises:
        NotFound: the link is over, used or forged.
        Invalid: keyed `password`.
    """
    user, _kind = link_owner(text, secret=secret, now=now)
    if problem := passwords.password_problem(password, user.email):
        raise Invalid({"password": problem})
    hashed = passwords.hash_password(password)
    users.get_for_update(user.id)
    try:
        link_owner(text, secret=secret, now=now)  # Of two at once, one finds the link used.
    except NotFound:
        db.session.rollback()
        raise
    return users.keep_password(user, hashed)


def _state(user: User) -> str:
    """What changes with the password and with being switched off, without showing either."""
    return hashlib.sha256(f"{user.id}:{user.session_epoch}:{user.password_hash}".encode()).hexdigest()[:16]


def _resets_since(user: User, since: datetime) -> int:
    mails = select(func.count()).where(
        Delivery.recipient_id == user.id, Delivery.kind == "password_reset", Delivery.created_at > since
    )
    return db.session.scalar(mails) or 0

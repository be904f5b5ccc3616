"""Emails that inform a user of a security change to their account, which someone else may have made."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import func, select

from app.database.base import db
from app.models import Delivery, User
from app.services.accounts import direct_messages

KIND = "security_notice"
LIFETIME = timedelta(days=2)
# Enough for ordinary days; a script that creates tokens all day must not fill its owner's mailbox.
MAX_AN_HOUR = 10


def queue_password_notice(user: User, now: datetime) -> None:
    """Queue the notice of a new password, in the caller's transaction."""
    with force_locale(user.locale):
        heading = _("Your password was changed")
        message = _("The password of %(email)s was changed.", email=user.email)
        _queue(user, heading, message, now, is_important=True)


def queue_address_notice(user: User, old_address: str, now: datetime) -> None:
    """Queue the notice that an admin changed a user's address, to the old one, in the caller's transaction."""
    with force_locale(user.locale):
        heading = _("Your email address was changed")
        message = _("An admin changed the address of your account to %(email)s.", email=user.email)
        direct_messages.queue(
            KIND,
            user,
            "email",
            old_address,
            now,
            lifetime=LIFETIME,
            subject=heading,
            text=f"{message}\n\n{_('If that is not your address, ask an admin.')}",
            is_urgent=False,
        )


def queue_second_factor_notice(user: User, now: datetime, *, is_on: bool) -> None:
    """Queue the notice that two-step sign-in was turned on or off, in the caller's transaction."""
    with force_locale(user.locale):
        if is_on:
            heading = _("Two-step sign-in is on")
            message = _(
                "Signing in as %(email)s now also needs a code from your authenticator app.", email=user.email
            )
        else:
            heading = _("Two-step sign-in is off")
            message = _("Signing in as %(email)s now only needs the password.", email=user.email)
        _queue(user, heading, message, now, is_important=True)


def queue_recovery_code_notice(user: User, now: datetime) -> None:
    """Queue the notice of a sign-in with a recovery code, in the caller's transaction."""
    with force_locale(user.locale):
        heading = _("A recovery code was used")
        message = _("Someone, probably you, signed in as %(email)s with a recovery code.", email=user.email)
        _queue(user, heading, message, now, is_important=True)


def queue_wrong_codes_notice(user: User, now: datetime) -> None:
    """Queue the notice that someone knows the password but not the codes, in the caller's transaction."""
    with force_locale(user.locale):
        heading = _("Too many wrong sign-in codes")
        message = _(
            "Someone entered the password of %(email)s, and then too many wrong codes.", email=user.email
        )
        _queue(user, heading, message, now)


def queue_token_notice(user: User, name: str, now: datetime) -> None:
    """Queue the notice of a new API token, in the caller's transaction."""
    with force_locale(user.locale):
        heading = _("New API token")
        message = _("The API token “%(name)s” was created for %(email)s.", name=name, email=user.email)
        _queue(user, heading, message, now)


def queue_webhook_notice(user: User, host: str, now: datetime) -> None:
    """Queue the notice that notifications now also go to a webhook, in the caller's transaction."""
    with force_locale(user.locale):
        heading = _("New webhook")
        message = _("Notifications for %(email)s are now also sent to %(host)s.", email=user.email, host=host)
        _queue(user, heading, message, now)


def _queue(user: User, heading: str, message: str, now: datetime, *, is_important: bool = False) -> None:
    """Queue an email unless there were many within the hour. An important one always goes out."""
    recent = select(func.count()).where(
        Delivery.recipient_id == user.id,
        Delivery.kind == KIND,
        Delivery.created_at > now - timedelta(hours=1),
    )
    if not is_important and (db.session.scalar(recent) or 0) >= MAX_AN_HOUR:
        return
    advice = _("If that wasn't you, choose a new password and check where you're signed in.")
    direct_messages.queue(
        KIND,
        user,
        "email",
        user.email,
        now,
        lifetime=LIFETIME,
        subject=heading,
        text=f"{message}\n\n{advice}",
        is_urgent=False,
    )

"""Verifies phone numbers: text messages go to a number once its owner has entered the code sent to it."""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import or_, select

from app.channels.base import PermanentFailure
from app.clock import utc_now
from app.database.base import db
from app.database.writing import writing
from app.models import Delivery, PhoneCode, User
from app.services.accounts import direct_messages, users
from app.services.base import audit, validation
from app.services.base.errors import Invalid
from app.services.base.recipients import Recipient
from app.services.routing import addresses

LIFETIME = timedelta(minutes=10)
MAX_ATTEMPTS = 5
CODES_AN_HOUR = 3
# Over all codes of a user: guessing among a million codes every day for a year succeeds with a chance below 1 in 250.
MAX_WRONG_A_DAY = 10


def is_verified(user: User) -> bool:
    """Whether the user's present number is verified."""
    return (user.id, "sms") in addresses.find_addresses([Recipient.from_user(user)], ["sms"])


def has_open_code(user: User, *, now: datetime | None = None) -> bool:
    """Whether a code was sent that can still be entered."""
    return _find_open_code(user, now or utc_now()) is not None


def send_code(user: User, phone: str, *, now: datetime | None = None) -> None:
    """Store a user's number and queue a code for it. Earlier codes stop working.

    Raises:
        Invalid: keyed `phone`: it is not a number; three codes were sent within the hour, to it or for this user; or
            too many wrong codes were entered.
    """
    now = now or utc_now()
    number = validation.phone(phone, is_required=True)
    with writing():
        user = users.get_for_update(user.id)
        if refusal := _find_refusal(user, number, now):
            raise Invalid({"phone": refusal})
        sms = direct_messages.queue("phone_code", user, "sms", number, now, lifetime=LIFETIME)
        db.session.flush()
        db.session.add(
            PhoneCode(
                user_id=user.id, phone=number, salt=secrets.token_hex(16), delivery_id=sms.id, created_at=now
            )
        )
        user.phone = number
        audit.record("phone.code_sent", user.email, actor=user)


def verify(user: User, code: str, *, secret: str, now: datetime | None = None) -> None:
    """Verify a user's number with the code that was entered.

    Raises:
        Invalid: keyed `code`: it is wrong, expired or used, or five wrong codes were entered.
    """
    now = now or utc_now()
    entered = validation.code(code)
    with writing():
        user = users.get_for_update(user.id)
        sent = _find_open_code(user, now)
        if sent is None:
            raise Invalid({"code": _("This code has expired. Request a new one.")})
        sent.tries += 1
        is_right = hmac.compare_digest(_compute_code(sent, secret).encode(), entered.encode())
        if is_right:
            sent.verified_at = now
        audit.record("phone.verified" if is_right else "phone.code_wrong", user.email, actor=user)
    # The attempt is committed even if the code was wrong.
    if not is_right:
        left = MAX_ATTEMPTS - sent.tries
        if left:
            raise Invalid({"code": _("That code is wrong. Attempts left: %(left)s.", left=left)})
        raise Invalid({"code": _("That code is wrong. Request a new one in an hour.")})


def remove(user: User) -> None:
    """Remove a user's number. It has to be verified again before it is used again."""
    with writing():
        user = users.get_for_update(user.id)
        user.phone = ""
        for row in db.session.scalars(select(PhoneCode).where(PhoneCode.user_id == user.id)):
            row.verified_at = None
        audit.record("phone.removed", user.email, actor=user)


def compute_code(delivery: Delivery, secret: str) -> str:
    """Compute the code that an SMS carries. Raises PermanentFailure if it was replaced by a newer one."""
    row = db.session.scalar(select(PhoneCode).where(PhoneCode.delivery_id == delivery.id))
    if row is None:
        raise PermanentFailure(_("This code was replaced by a newer one"))
    return _compute_code(row, secret)


def _find_refusal(user: User, number: str, now: datetime) -> str | None:
    """Explain why no code may be sent to this number or for this user now; None if one may.

    Codes are counted for both, so that entering another number does not reset the limits.
    """
    either = or_(PhoneCode.user_id == user.id, PhoneCode.phone == number)
    rows = db.session.scalars(
        select(PhoneCode).where(either, PhoneCode.created_at > now - timedelta(days=1))
    ).all()
    recent = [row for row in rows if row.created_at > now - timedelta(hours=1)]
    if sum(row.tries for row in rows if row.verified_at is None) >= MAX_WRONG_A_DAY:
        return _("Too many wrong codes. Try again tomorrow.")
    if any(row.verified_at is None and row.tries >= MAX_ATTEMPTS for row in recent):
        return _("Too many wrong codes. Try again in an hour.")
    if len(recent) >= CODES_AN_HOUR:
        return _("Three codes were sent within the last hour. Try again later.")
    return None


def _find_open_code(user: User, now: datetime) -> PhoneCode | None:
    """Find the newest code for the user's number that can still be entered."""
    newest = (
        select(PhoneCode)
        .where(PhoneCode.user_id == user.id, PhoneCode.phone == user.phone)
        .order_by(PhoneCode.id.desc())
        .limit(1)
    )
    row = db.session.scalar(newest.execution_options(populate_existing=True))
    is_open = (
        row is not None
        and row.verified_at is None
        and row.tries < MAX_ATTEMPTS
        and now < row.created_at + LIFETIME
    )
    return row if is_open else None


def _compute_code(row: PhoneCode, secret: str) -> str:
    seed = hmac.digest(secret.encode(), f"bellhop.phone:{row.salt}:{row.phone}".encode(), "sha256")
    return f"{int.from_bytes(seed[:8], 'big') % 1_000_000:06d}"

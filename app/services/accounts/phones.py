"""A phone is written to once its owner has typed the code that was sent to it."""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import or_, select

from app.channels.base import PermanentFailure
from app.clock import utc_now
from app.database.base import db
from app.models import Delivery, PhoneCode, User
from app.services.accounts import users
from app.services.base import audit, validation
from app.services.base.errors import Invalid
from app.services.base.recipients import Recipient
from app.services.routing import addresses

LIFETIME = timedelta(minutes=10)
MAX_ATTEMPTS = 5
CODES_AN_HOUR = 3
# Wrong ones, over all codes together: with a million codes, who guesses day after day for a year stays below 1 in 250.
MAX_WRONG_A_DAY = 10


def is_verified(user: User) -> bool:
    """Whether the person's phone, as it stands now, may be written to."""
    return (user.id, "sms") in addresses.find_addresses([Recipient.of(user)], ["sms"])


def is_waiting(user: User, *, now: datetime | None = None) -> bool:
    """Whether a code is on its way that can still be typed."""
    return _open_code(user, now or utc_now()) is not None


def send_code(user: User, phone: str, *, now: datetime | None = None) -> None:
    """Keep a person's number and put a code for it into the outbox; the codes before it stop working.

    Raises:
        Invalid: keyed `phone`: it is no number; three codes went out within the hour, to it or by this person; or too
            many wrong ones were typed.
    """
    now = now or utc_now()
    number = validation.phone(phone)
    if not number:
        raise Invalid({"phone": _("Write the number with its country code, such as +44 20 7946 0958.")})
    user = users.get_for_update(user.id)
    if refusal := _refusal(user, number, now):
        db.session.rollback()
        raise Invalid({"phone": refusal})
    sms = Delivery(
        kind="phone_code",
        recipient_id=user.id,
        channel="sms",
        address=number,
        created_at=now,
        due_at=now,
        expires_at=now + LIFETIME,
    )
    db.session.add(sms)
    db.session.flush()
    db.session.add(
        PhoneCode(
            user_id=user.id, phone=number, salt=secrets.token_hex(16), delivery_id=sms.id, created_at=now
        )
    )
    user.phone = number
    audit.record("phone.code_sent", user.email, actor=user)
    db.session.commit()


def verify(user: User, code: str, *, secret: str, now: datetime | None = None) -> None:
    """Take the code that somebody typed.

    Raises:
        Invalid: keyed `code`: it is wrong, over, used, or was guessed at five times.
    """
    now = now or utc_now()
    user = users.get_for_update(user.id)
    found = _open_code(user, now)
    if found is None:
        db.session.rollback()
        raise Invalid({"code": _("This code is over. Ask for another.")})
    found.tries += 1
    typed = "".join(code.split())
    if not hmac.compare_digest(_code(found, secret).encode(), typed.encode()):
        audit.record("phone.code_wrong", user.email, actor=user)
        left = MAX_ATTEMPTS - found.tries
        db.session.commit()
        if left:
            raise Invalid({"code": _("This is not the code. Tries left: %(left)s.", left=left)})
        raise Invalid({"code": _("This is not the code. Ask for another in an hour.")})
    found.verified_at = now
    audit.record("phone.verified", user.email, actor=user)
    db.session.commit()


def remove(user: User) -> None:
    """Forget a person's number."""
    user = users.get_for_update(user.id)
    user.phone = ""
    for row in db.session.scalars(select(PhoneCode).where(PhoneCode.user_id == user.id)):
        row.verified_at = None
    audit.record("phone.removed", user.email, actor=user)
    db.session.commit()


def code_of(delivery: Delivery, secret: str) -> str:
    """The code that an SMS carries. Raises PermanentFailure when it was replaced by another."""
    row = db.session.scalar(select(PhoneCode).where(PhoneCode.delivery_id == delivery.id))
    if row is None:
        raise PermanentFailure(_("This code is not wanted any more"))
    return _code(row, secret)


def _refusal(user: User, number: str, now: datetime) -> str | None:
    """Why no code is sent now, to this number or to this person: another number is no way to start anew."""
    concerned = or_(PhoneCode.user_id == user.id, PhoneCode.phone == number)
    rows = db.session.scalars(
        select(PhoneCode).where(concerned, PhoneCode.created_at > now - timedelta(days=1))
    ).all()
    recent = [row for row in rows if row.created_at > now - timedelta(hours=1)]
    if sum(row.tries for row in rows if row.verified_at is None) >= MAX_WRONG_A_DAY:
        return _("Too many wrong codes have been typed. Try again tomorrow.")
    if any(row.verified_at is None and row.tries >= MAX_ATTEMPTS for row in recent):
        return _("Too many wrong codes have been typed. Try again in an hour.")
    if len(recent) >= CODES_AN_HOUR:
        return _("Three codes have been sent within the hour. Try again later.")
    return None


def _open_code(user: User, now: datetime) -> PhoneCode | None:
    """The newest code for the person's number, while it can be typed."""
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


def _code(row: PhoneCode, secret: str) -> str:
    seed = hmac.digest(secret.encode(), f"bellhop.phone:{row.salt}:{row.phone}".encode(), "sha256")
    return f"{int.from_bytes(seed[:8], 'big') % 1_000_000:06d}"

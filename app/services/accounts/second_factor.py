"""The second factor of a sign-in: codes of an authenticator app (TOTP, RFC 6238), and recovery codes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyotp
from flask_babel import gettext as _

from app.clock import utc_now
from app.database.base import db
from app.database.writing import writing
from app.models import SecondFactor, User
from app.services.accounts import notices, sessions, users
from app.services.accounts.sessions import SignedIn
from app.services.base import audit, encryption, signed_links, validation
from app.services.base.errors import Conflict, Invalid, NotFound

# Values of REQUIRE_SECOND_FACTOR, besides "nobody".
ADMINS, EVERYONE = "admins", "everyone"
# Seconds that a code is shown for, and how many codes before and after the present one are accepted: clocks differ.
STEP, DRIFT = 30, 1
RECOVERY_CODES = 10
# 120 bits in groups of four characters. At 112 and more, a plain digest is safe (OWASP ASVS, 6.5.2).
RECOVERY_BYTES, GROUP = 15, 4
# Digits that people type for letters. Recovery codes contain none of them.
_MISREAD = str.maketrans("018", "OIB")
# The time to scan the key and to enter a code.
SET_UP_WITHIN = timedelta(hours=1)
_PURPOSE = "second-factor"


@dataclass(frozen=True)
class NewKey:
    """A key that is not in use yet.

    Attributes:
        text: the key to type into an app that has no camera.
        uri: the same for the QR code.
        signed: the same for the form that turns it on.
    """

    text: str
    uri: str
    signed: str


def is_missing(user: User | SignedIn, required_for: str) -> bool:
    """Whether a user has to turn on two-step sign-in before anything else.

    Args:
        required_for: the setting REQUIRE_SECOND_FACTOR.
    """
    return user.second_factor_at is None and is_required(user, required_for)


def is_required(user: User | SignedIn, required_for: str) -> bool:
    """Whether a user must use two-step sign-in; argument as for `is_missing`."""
    return required_for == EVERYONE or (required_for == ADMINS and user.is_admin)


def make_key(user: User, *, secret: str, now: datetime | None = None) -> NewKey:
    """Make a key for a user. It is stored only once `turn_on` gets it back with a code."""
    key, until = pyotp.random_base32(), (now or utc_now()) + SET_UP_WITHIN
    values = {"user": user.id, "key": key}
    return _new_key(user, key, signed_links.sign(values, purpose=_PURPOSE, secret=secret, expires_at=until))


def read_key(user: User, signed: str, *, secret: str, now: datetime | None = None) -> NewKey:
    """Read the key that a form returns. Raises NotFound if it was made for another user, or over an hour ago."""
    values = signed_links.read(signed, purpose=_PURPOSE, secret=secret, now=now or utc_now())
    if values["user"] != user.id:
        raise NotFound("this key was made for someone else")
    return _new_key(user, values["key"], signed)


def turn_on(
    user: User, key: NewKey, code: str, *, secret: str, session_id: int, now: datetime | None = None
) -> list[str]:
    """Turn on two-step sign-in, and sign the user out everywhere else: there, the password was enough.

    Args:
        code: what the app shows for the key.
        session_id: the session that continues.
    Returns:
        The recovery codes, which are stored as digests only.
    Raises:
        Invalid: keyed `code`.
        Conflict: it is on already.
    """
    now = now or utc_now()
    step = _find_step(key.text, validation.code(code), now)
    if step is None:
        raise Invalid({"code": _("That code is wrong. Check your phone's clock and enter the newest code.")})
    codes = _new_recovery_codes()
    with writing():
        user = users.get_for_update(user.id)
        if user.second_factor_at is not None:
            raise Conflict(_("Two-step sign-in is already on."))
        user.second_factor_at = now
        db.session.add(
            SecondFactor(
                user_id=user.id,
                secret=encryption.encrypt(key.text, purpose=_PURPOSE, secret=secret),
                last_step=step,
                recovery_digests=list(map(_digest, codes)),
            )
        )
        sessions.end_all(user, but=session_id)
        notices.queue_second_factor_notice(user, now, is_on=True)
        audit.record("second_factor.turned_on", user.email, actor=user)
    return codes


def turn_off(user: User, *, now: datetime | None = None) -> None:
    """Turn off two-step sign-in, unless it is off."""
    with writing():
        remove(users.get_for_update(user.id), now or utc_now(), actor=user)


def remove(user: User, now: datetime, *, actor: User | None) -> None:
    """Turn off the two-step sign-in of a locked user, in the caller's transaction.

    Args:
        actor: who turns it off; None for the command line.
    """
    if user.second_factor_at is None:
        return
    user.second_factor_at = None
    db.session.delete(_find(user))
    notices.queue_second_factor_notice(user, now, is_on=False)
    is_own = actor is not None and actor.id == user.id
    audit.record("second_factor.turned_off" if is_own else "second_factor.reset", user.email, actor=actor)


def reset(user: User, *, now: datetime | None = None) -> bool:
    """Turn off the two-step sign-in of someone who has lost the phone, from the command line, and sign them out.

    Returns:
        Whether it was on.
    """
    with writing():
        user = users.get_for_update(user.id)
        was_on = user.second_factor_at is not None
        if was_on:
            remove(user, now or utc_now(), actor=None)
            sessions.end_all(user)
    return was_on


def count_recovery_codes(user: User) -> int:
    """Count a user's recovery codes that are left."""
    factor = _find(user)
    return len(factor.recovery_digests) if factor else 0


def replace_recovery_codes(user: User) -> list[str]:
    """Make new recovery codes; the old ones stop working. Raises Conflict if two-step sign-in is off."""
    codes = _new_recovery_codes()
    with writing(lock=User, row_id=user.id):
        factor = _find(user)
        if factor is None:
            raise Conflict(_("Two-step sign-in is off."))
        factor.recovery_digests = list(map(_digest, codes))
        audit.record("second_factor.codes_replaced", user.email, actor=user)
    return codes


def use_code(user: User, code: str, *, secret: str, now: datetime) -> str:
    """Use a code of a locked user's app or a recovery code, in the caller's transaction.

    Returns:
        "app" or "recovery"; "" if it is wrong or was used before.
    """
    factor, entered = _find(user), validation.code(code)
    if factor is None:
        return ""
    key = encryption.decrypt(factor.secret, purpose=_PURPOSE, secret=secret)
    step = _find_step(key, entered, now, after=factor.last_step) if key else None
    if step is not None:
        factor.last_step = step
        return "app"
    digest = _digest(entered)
    if digest in factor.recovery_digests:
        factor.recovery_digests = [each for each in factor.recovery_digests if each != digest]
        return "recovery"
    return ""


def step_at(moment: datetime) -> int:
    """Compute the number of the time step that contains a moment."""
    return int(moment.timestamp()) // STEP


def _find(user: User) -> SecondFactor | None:
    return db.session.get(SecondFactor, user.id, populate_existing=True)


def _new_key(user: User, key: str, signed: str) -> NewKey:
    uri = pyotp.TOTP(key, interval=STEP).provisioning_uri(name=user.email, issuer_name="Bellhop")
    return NewKey(key, uri, signed)


def _find_step(key: str, code: str, now: datetime, *, after: int = 0) -> int | None:
    """Find the time step of a code, later than `after`; None if it matches none that is current."""
    codes, present = pyotp.TOTP(key, interval=STEP), step_at(now)
    steps = range(max(present - DRIFT, after + 1), present + DRIFT + 1)
    return next(
        (step for step in steps if hmac.compare_digest(codes.generate_otp(step).encode(), code.encode())),
        None,
    )


def _new_recovery_codes() -> list[str]:
    return [_new_recovery_code() for _number in range(RECOVERY_CODES)]


def _new_recovery_code() -> str:
    text = base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode()
    return "-".join(text[start : start + GROUP] for start in range(0, len(text), GROUP))


def _digest(code: str) -> str:
    """Digest a recovery code, in any spelling."""
    return hashlib.sha256(validation.code(code).upper().translate(_MISREAD).encode()).hexdigest()

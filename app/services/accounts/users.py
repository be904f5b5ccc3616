"""A person's own account: making it, signing in, its profile and its password."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.clock import utc_now
from app.database.base import db
from app.database.sqlite import lock_for_writing
from app.models import User
from app.services.accounts import passwords, sign_in_throttle
from app.services.base import audit, validation
from app.services.base.errors import Conflict, Invalid
from app.services.preferences import editing as preference_editing


def create_user(
    email: str,
    name: str,
    *,
    role: str = "recruiter",
    password: str | None = None,
    time_zone: str = "UTC",
    actor: User | None = None,
) -> User:
    """Add a person, with the preferences of a new account.

    Args:
        password: None for somebody who will choose it by a link.
        actor: the admin who asks; None for the command line.
    Raises:
        Invalid: keyed `email`, `name`, `role`, `password` or `time_zone`.
    """
    user = new_user(email, name, role=role, time_zone=time_zone)
    if password is not None:
        if problem := passwords.password_problem(password, user.email):
            raise Invalid({"password": problem})
        user.password_hash = passwords.hash_password(password)
    add(user)
    audit.record("user.created", user.email, actor=actor, role=user.role)
    db.session.commit()
    return user


def new_user(email: str, name: str, *, role: str, time_zone: str = "UTC") -> User:
    """A checked person with preferences, not yet in the database. Raises Invalid with every bad field."""
    values = _checked(
        email=lambda: validation.email_for_account(email),
        name=lambda: validation.name(name),
        role=lambda: validation.role(role),
        time_zone=lambda: validation.time_zone(time_zone),
    )
    return User(**values, preference=preference_editing.default_preferences())


def add(user: User) -> None:
    """Write a new person, in the caller's transaction. Raises Invalid, keyed `email`, when the address is taken."""
    db.session.add(user)
    try:
        db.session.flush()
    except IntegrityError as error:
        db.session.rollback()
        raise Invalid({"email": _("Somebody with this address has an account already.")}) from error


def by_email(email: str) -> User | None:
    """The person with this address, however it is spelled in upper and lower case."""
    try:
        address = validation.email_for_account(email)
    except Invalid:
        return None
    return db.session.scalar(select(User).where(User.email == address))


def by_session(text: str) -> User | None:
    """The person a session belongs to; None once it has ended for everyone (see `User.get_id`)."""
    user_id, _dot, _epoch = text.partition(".")
    if not (user_id.isascii() and user_id.isdigit()):
        return None
    user = db.session.get(User, int(user_id))
    return user if user is not None and user.is_enabled and user.get_id() == text else None


def authenticate(email: str, password: str, *, origin: str = "", now: datetime | None = None) -> User:
    """The person who signs in. Every try is audited; a good one forgets the bad ones before it.

    Args:
        origin: where the request comes from, for the audit log.
    Raises:
        Invalid: keyed `password`; the same words, after the same time, whatever was wrong.
        sign_in_attempts.TooManyTries: ten tries failed within fifteen minutes.
    """
    now = now or utc_now()
    count = sign_in_throttle.count_attempt(email, now)
    user = by_email(email)
    db.session.commit()  # Gives the connection back: what follows takes a tenth of a second.
    is_right = passwords.matches(password, user.password_hash if user else None)
    if user is None or not is_right or not user.is_enabled:
        subject = user.email if user else address_or_none(email)
        why = "unknown" if user is None else "password" if user.is_enabled else "switched off"
        audit.record("sign_in.failed", subject, origin=origin, why=why)
        if count == sign_in_throttle.LIMIT:
            audit.record("sign_in.locked", subject, origin=origin)
        db.session.commit()
        raise Invalid({"password": _("The email or the password is wrong.")})
    if user.password_hash and passwords.is_outdated(user.password_hash):
        user.password_hash = passwords.hash_password(password)
    sign_in_throttle.clear(email)
    user.last_signed_in_at = now
    audit.record("sign_in.ok", user.email, actor=user, origin=origin)
    db.session.commit()
    return user


def update_profile(user: User, *, name: str, time_zone: str, phone: str) -> User:
    """Change what a person says about themselves. Raises Invalid, keyed `name`, `time_zone` or `phone`."""
    values = _checked(
        name=lambda: validation.name(name),
        time_zone=lambda: validation.time_zone(time_zone),
        phone=lambda: validation.phone(phone),
    )
    changed = sorted(field for field, value in values.items() if getattr(user, field) != value)
    if changed:
        for field in changed:
            setattr(user, field, values[field])
        audit.record("account.updated", user.email, actor=user, fields=changed)
        db.session.commit()
    return user


def change_password(user: User, current: str, new: str, *, now: datetime | None = None) -> User:
    """Change a password by its owner: every session ends, the caller signs this one in again.

    Raises:
        Invalid: keyed `current_password` or `new_password`.
        sign_in_attempts.TooManyTries: the current password was guessed at too often.
        Conflict: the password changed meanwhile.
    """
    kept, email = user.password_hash, user.email
    if problem := passwords.password_problem(new, email):
        raise Invalid({"new_password": problem})
    sign_in_throttle.count_attempt(email, now or utc_now())
    if not passwords.matches(current, kept):
        raise Invalid({"current_password": _("This is not your current password.")})
    hashed = passwords.hash_password(new)
    user = get_for_update(user.id)
    if user.password_hash != kept:
        db.session.rollback()
        raise Conflict(_("The password changed meanwhile."))
    return keep_password(user, hashed)


def keep_password(user: User, hashed: str) -> User:
    """Keep a new password of a person whose row is locked; ends every session. Commits."""
    user.password_hash = hashed
    user.session_epoch += 1
    sign_in_throttle.clear(user.email)
    audit.record("password.changed", user.email, actor=user)
    db.session.commit()
    return user


def get_for_update(user_id: int) -> User:
    """The person as they are now, held until the transaction ends: for who reads, decides and writes."""
    lock_for_writing()
    return db.session.get_one(User, user_id, with_for_update=True, populate_existing=True)


def address_or_none(email: str) -> str:
    """What may stand in the audit log: an address, but not a password typed into the wrong field."""
    try:
        return validation.email_for_account(email)
    except Invalid:
        return ""


def _checked(**checks: Callable[[], str]) -> dict[str, str]:
    """The value of every check, or Invalid with the errors of all that failed."""
    values, errors = {}, {}
    for field, check in checks.items():
        try:
            values[field] = check()
        except Invalid as error:
            errors.update(error.errors)
    if errors:
        raise Invalid(errors)
    return values

"""A user's own account: creation, sign-in, profile and password."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import select

from app import canonical_addresses
from app.clock import utc_now
from app.database.base import db
from app.database.transactions import lock_for_writing
from app.database.writing import LOCK, writing
from app.models import User
from app.services.accounts import access, demo_people, notices, passwords, sessions, sign_in_throttle
from app.services.accounts.known_browsers import KnownBrowser
from app.services.base import audit, validation
from app.services.base.errors import Conflict, Invalid
from app.services.base.unique import flush_unique
from app.services.preferences import editing as preference_editing


class CodeRequired(Exception):
    """The password is right, and the person uses two-step sign-in; see `second_step`."""

    def __init__(self, user: User) -> None:
        super().__init__(user.email)
        self.user = user


def create_user(
    email: str,
    name: str,
    *,
    role: str = "recruiter",
    password: str | None = None,
    time_zone: str = "UTC",
    actor: User | None = None,
) -> User:
    """Create a user with the preferences of a new account.

    Args:
        password: None if the user chooses it by a link.
        actor: the admin who asks; None for the command line.
    Raises:
        Invalid: keyed `email`, `name`, `role`, `password` or `time_zone`.
    """
    user = build_user(email, name, role=role, time_zone=time_zone)
    if password is not None:
        if problem := passwords.password_problem(password, email=user.email, name=user.name):
            raise Invalid({"password": problem})
        user.password_hash = passwords.hash_password(password)
    add(user)
    audit.record("user.created", user.email, actor=actor, role=user.role)
    db.session.commit()
    return user


def build_user(email: str, name: str, *, role: str, time_zone: str = "UTC") -> User:
    """Build a user with preferences, not yet in the database. Raises Invalid, keyed by field."""
    values = _check_all(
        email=lambda: validation.email_for_account(email),
        name=lambda: validation.name(name),
        role=lambda: validation.role(role),
        time_zone=lambda: validation.time_zone(time_zone),
    )
    return User(**values, preference=preference_editing.default_preferences())


def add(user: User) -> None:
    """Insert a new user in the caller's transaction. Raises Invalid, keyed `email`, if the address is taken."""
    db.session.add(user)
    flush_unique("email", _("An account with this email already exists."))


def by_email(email: str) -> User | None:
    """Find the user with this address, in any spelling."""
    return db.session.scalar(select(User).where(User.email == canonical_addresses.key(email)))


@passwords.limit_concurrency
def authenticate(
    email: str,
    password: str,
    *,
    origin: str = "",
    known_browser: KnownBrowser | None = None,
    now: datetime | None = None,
    is_public: bool = False,
) -> User:
    """Sign a user in. Every attempt is audited; a successful one resets the count of failed ones from there.

    Args:
        origin: the address that the request comes from.
        known_browser: the browser that it comes from, if it has signed in before.
        is_public: whether others can reach this server, where the published password of the demo is refused.
    Raises:
        Invalid: keyed `password`; the same sentence, after the same time, whatever was wrong.
        TooManyAttempts: too many attempts failed within fifteen minutes; see `sign_in_throttle`.
        CodeRequired: the password is right, but it is not enough.
    """
    now = now or utc_now()
    user = by_email(email)
    where = sign_in_throttle.origin_of_password(user, origin, known_browser)
    reached = sign_in_throttle.count_attempt(email, now, where)
    db.session.commit()  # Return the connection to the pool: hashing takes 100 ms.
    is_right = passwords.matches(password, user.password_hash if user else None)
    if user and is_right:
        is_right = _is_unchanged(user)
    if user is None or not is_right or not user.is_enabled:
        subject = user.email if user else email_for_audit(email)
        if user is None:
            why = "unknown"
        elif user.is_enabled:
            why = "password"
        else:
            why = "switched off"
        audit.record("sign_in.failed", subject, origin=origin, why=why)
        if reached:
            audit.record("sign_in.locked", subject, origin=origin, limit=reached)
        db.session.commit()
        raise Invalid({"password": _("The email or password is wrong.")})
    if is_public and (demo_people.is_demo_person(user.email) or password == demo_people.PASSWORD):
        audit.record("sign_in.failed", user.email, origin=origin, why="demo")
        db.session.commit()
        raise Invalid({"password": demo_people.refusal()})
    if user.password_hash and passwords.is_outdated(user.password_hash, password):
        user.password_hash = passwords.hash_password(password)
    if user.second_factor_at is not None:
        sign_in_throttle.clear(email, where)
        audit.record("sign_in.code_required", user.email, origin=origin)
        db.session.commit()
        raise CodeRequired(user)
    record_sign_in(user, where, now)
    db.session.commit()
    return user


def _is_unchanged(user: User) -> bool:
    """Lock a user whose password was checked; False if it was for another password or address by then."""
    epoch = user.session_epoch
    lock_for_writing()
    return get_for_update(user.id).session_epoch == epoch


def record_sign_in(user: User, where: sign_in_throttle.Origin, now: datetime) -> None:
    """Record a sign-in whose last step was right, in the caller's transaction."""
    sign_in_throttle.clear(user.email, where)
    user.last_signed_in_at = now
    audit.record("sign_in.ok", user.email, actor=user, origin=where.address)


def update_profile(user: User, *, name: str, time_zone: str, phone: str) -> User:
    """Change a user's name, time zone and phone. Raises Invalid, keyed `name`, `time_zone` or `phone`."""
    values = _check_all(
        name=lambda: validation.name(name),
        time_zone=lambda: validation.time_zone(time_zone),
        phone=lambda: validation.phone(phone),
    )
    with writing():
        user = get_for_update(user.id)
        changed = sorted(field for field, value in values.items() if getattr(user, field) != value)
        if changed:
            for field in changed:
                setattr(user, field, values[field])
            audit.record("account.updated", user.email, actor=user, fields=changed)
    return user


@passwords.limit_concurrency
def change_password(
    user: User, current: str, new: str, *, revoke_access: bool = False, now: datetime | None = None
) -> User:
    """Change a user's own password. Ends every session; the caller starts a new one.

    Args:
        revoke_access: also revoke the user's tokens and remove their webhooks and browsers.
    Raises:
        Invalid: keyed `current_password` or `new_password`.
        TooManyAttempts: the current password was wrong too often.
        Conflict: the password was changed in the meantime.
    """
    old_hash, email = user.password_hash, user.email
    if problem := passwords.password_problem(new, email=email, name=user.name):
        raise Invalid({"new_password": problem})
    now = now or utc_now()
    _check_current(user, current, "current_password", now)
    new_hash = passwords.hash_password(new)
    with writing():
        user = get_for_update(user.id)
        if user.password_hash != old_hash:
            raise Conflict(_("Your password was changed in the meantime."))
        replace_password(user, new_hash)
        notices.queue_password_notice(user, now)
        if revoke_access:
            access.revoke_all(user, actor=user, now=now)
    return user


@passwords.limit_concurrency
def confirm_password(user: User, password: str, *, now: datetime | None = None) -> None:
    """Check the password that a signed-in user typed again.

    Raises:
        Invalid: keyed `confirm_password`.
        TooManyAttempts: the password was wrong too often.
    """
    _check_current(user, password, "confirm_password", now or utc_now())
    sign_in_throttle.clear(user.email, sign_in_throttle.SESSION)
    audit.record("password.confirmed", user.email, actor=user)
    db.session.commit()


def _check_current(user: User, password: str, field: str, now: datetime) -> None:
    """Check a signed-in user's password, as one of the attempts within sessions. Raises Invalid, keyed `field`."""
    password_hash = user.password_hash
    sign_in_throttle.count_attempt(user.email, now, sign_in_throttle.SESSION)
    if not passwords.matches(password, password_hash):
        raise Invalid({field: _("That is not your current password.")})


def replace_password(user: User, password_hash: str) -> None:
    """Replace the password of a locked user and end every session, in the caller's transaction."""
    user.password_hash = password_hash
    user.session_epoch += 1
    sessions.end_all(user)
    sign_in_throttle.clear(user.email)
    audit.record("password.changed", user.email, actor=user)


def get_for_update(user_id: int) -> User:
    """Load a user as they are now and lock the row until the transaction ends. Call it within `writing`."""
    return db.session.get_one(User, user_id, with_for_update=LOCK, populate_existing=True)


def rename(user: User, name: str, email: str) -> dict[str, str]:
    """Give a locked user another name or address, in the caller's transaction.

    Returns:
        what they were before, by field, of what has changed.
    Raises:
        Invalid: keyed `name` or `email`. If the address is taken, the transaction is rolled back.
    """
    values = _check_all(name=lambda: validation.name(name), email=lambda: validation.email_for_account(email))
    before = {field: getattr(user, field) for field, value in values.items() if getattr(user, field) != value}
    for field in before:
        setattr(user, field, values[field])
    flush_unique("email", _("An account with this email already exists."))
    return before


def state_digest(user: User) -> str:
    """Compute a digest that changes with the password and with deactivation, without revealing either."""
    return hashlib.sha256(f"{user.id}:{user.session_epoch}:{user.password_hash}".encode()).hexdigest()[:16]


def email_for_audit(email: str) -> str:
    """Return the text for the audit log if it is an address, else "": it may be a password in the wrong field."""
    try:
        return validation.email_for_account(email)
    except Invalid:
        return ""


def _check_all(**checks: Callable[[], str]) -> dict[str, str]:
    """Run every check and return the values. Raises Invalid with the errors of all that failed."""
    values, errors = {}, {}
    for field, check in checks.items():
        try:
            values[field] = check()
        except Invalid as error:
            errors.update(error.errors)
    if errors:
        raise Invalid(errors)
    return values

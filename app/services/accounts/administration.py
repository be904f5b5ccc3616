"""Everybody who has an account, as admins see and change them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import and_, func, or_, select, tuple_

from app.clock import utc_now
from app.database.base import db
from app.database.sqlite import lock_for_writing
from app.models import User
from app.services.accounts import emails, tokens, users
from app.services.base import audit, paging, validation
from app.services.base.errors import Conflict, Forbidden, NotFound

_by_name = tuple_(func.lower(User.name), User.id)


@dataclass(frozen=True)
class PeoplePage:
    """Some people in the order of their names; `next` and `previous` are cursors, None at the ends."""

    rows: list[User]
    next: int | None
    previous: int | None


def page_for(
    search: str = "", *, after: int | None = None, before: int | None = None, limit: int = 50
) -> PeoplePage:
    """One page of people.

    Args:
        search: a part of the name or the address.
        after, before: a cursor of another page; at most one of them.
    """
    query = select(User)
    if search:
        query = query.where(
            or_(User.name.icontains(search, autoescape=True), User.email.icontains(search, autoescape=True))
        )
    cursor = after if after is not None else before
    if cursor is not None:
        # The cursor is a person: a page stays in place although names before it change.
        place = select(func.lower(User.name), User.id).where(User.id == cursor).scalar_subquery()
        query = query.where(_by_name > place if after is not None else _by_name < place)
    backwards = after is None and before is not None
    order = [part.desc() if backwards else part.asc() for part in (func.lower(User.name), User.id)]
    found = db.session.scalars(query.order_by(*order).limit(limit + 1)).all()
    page = paging.cut(found, limit, has_cursor=after is not None, is_backwards=backwards)
    return PeoplePage(
        list(page.rows), page.last.id if page.last else None, page.first.id if page.first else None
    )


def get(user_id: int) -> User:
    """A person. Raises NotFound."""
    user = db.session.get(User, user_id)
    if user is None:
        raise NotFound(_("There is no such person."))
    return user


def invite(email: str, name: str, role: str, *, actor: User, now: datetime | None = None) -> User:
    """Add a person who chooses a password by a link in a mail, good for seven days.

    Raises:
        Invalid: keyed `email`, `name` or `role`.
    """
    user = users.new_user(email, name, role=role, time_zone=actor.time_zone)
    users.add(user)
    emails.queue_account_email("invitation", user, now or utc_now())
    audit.record("user.invited", user.email, actor=actor, role=user.role)
    db.session.commit()
    return user


def resend_invitation(user_id: int, *, actor: User, now: datetime | None = None) -> User:
    """Send the invitation again, with a link that is good for another seven days.

    Raises:
        NotFound: there is no such person.
        Conflict: they have chosen a password already, or are switched off.
    """
    user = get(user_id)
    if user.password_hash is not None or not user.is_enabled:
        raise Conflict(_("%(name)s is not waiting for an invitation.", name=user.name))
    emails.queue_account_email("invitation", user, now or utc_now())
    audit.record("user.invited", user.email, actor=actor, role=user.role, again=True)
    db.session.commit()
    return user


def set_role(user_id: int, role: str, *, actor: User, now: datetime | None = None) -> User:
    """Make a person an admin or a recruiter. Who stops being an admin loses the tokens only admins may have.

    Raises:
        NotFound: there is no such person.
        Invalid: keyed `role`.
        Forbidden: the person is the actor, or the actor is no admin any more.
    """
    role = validation.role(role)
    user = _lock_with_admins(user_id, actor, leaves_admins=role != "admin")
    if user.role != role:
        audit.record("user.role_changed", user.email, actor=actor, before=user.role, after=role)
        user.role = role
        if role != "admin":
            tokens.revoke_admin_scopes(user, now or utc_now())
    db.session.commit()
    return user


def deactivate(user_id: int, *, actor: User) -> User:
    """Switch a person off: no session, token or link of theirs works any more, and nothing is sent to them.

    Raises:
        NotFound, Forbidden: as `set_role`.
    """
    user = _lock_with_admins(user_id, actor, leaves_admins=True)
    if user.is_enabled:
        user.is_enabled = False
        user.session_epoch += 1
        audit.record("user.deactivated", user.email, actor=actor)
    db.session.commit()
    return user


def reactivate(user_id: int, *, actor: User) -> User:
    """Switch a person on again, with the password and the tokens they had.

    Raises:
        NotFound, Forbidden: as `set_role`.
    """
    user = _lock_with_admins(user_id, actor, leaves_admins=False)
    if not user.is_enabled:
        user.is_enabled = True
        audit.record("user.reactivated", user.email, actor=actor)
    db.session.commit()
    return user


def _lock_with_admins(user_id: int, actor: User, *, leaves_admins: bool) -> User:
    """The person, held together with every active admin, so that two admins cannot remove each other at once."""
    lock_for_writing()
    held = db.session.scalars(
        select(User)
        .where(or_(User.id == user_id, and_(User.role == "admin", User.is_enabled)))
        .order_by(User.id)  # Sorted: two admins locking the same rows in opposite order would deadlock.
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    user = next((user for user in held if user.id == user_id), None)
    if not any(admin.id == actor.id and admin.is_admin and admin.is_enabled for admin in held):
        raise Forbidden(_("You are not an admin any more."))
    if leaves_admins and user_id == actor.id:
        # So that there is always an active admin left: the one who asks.
        raise Forbidden(_("Ask another admin: you cannot take this from yourself."))
    if user is None:
        raise NotFound(_("There is no such person."))
    return user

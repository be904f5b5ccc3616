"""User administration: list, invite, change roles, deactivate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import and_, func, or_, select, tuple_

from app.clock import utc_now
from app.database.base import db
from app.database.writing import writing
from app.models import User
from app.services.accounts import access, emails, sessions, tokens, users
from app.services.base import audit, paging, recipients, validation
from app.services.base.errors import Conflict, Forbidden, NotFound

_by_name = tuple_(func.lower(User.name), User.id)


@dataclass(frozen=True)
class PeoplePage:
    """A page of users in the order of their names; `next` and `previous` are cursors, None at the ends."""

    rows: list[User]
    next: int | None
    previous: int | None


def page_for(
    search: str = "", *, after: int | None = None, before: int | None = None, limit: int = 50
) -> PeoplePage:
    """Load one page of users.

    Args:
        search: part of a name or an email address.
        after, before: a cursor of another page; at most one of them.
    """
    query = select(User)
    if search:
        query = query.where(recipients.matches_person(search))
    cursor = after if after is not None else before
    if cursor is not None:
        # The cursor is a user id, so that a page stays in place when names before it change.
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
    """Load a user. Raises NotFound."""
    user = db.session.get(User, user_id)
    if user is None:
        raise NotFound(_("User not found."))
    return user


def invite(email: str, name: str, role: str, *, actor: User, now: datetime | None = None) -> User:
    """Create a user who chooses a password by an emailed link, which works for seven days.

    Raises:
        Invalid: keyed `email`, `name` or `role`.
    """
    user = users.build_user(email, name, role=role, time_zone=actor.time_zone)
    users.add(user)
    emails.queue_account_email("invitation", user, now or utc_now())
    audit.record("user.invited", user.email, actor=actor, role=user.role)
    db.session.commit()
    return user


def resend_invitation(user_id: int, *, actor: User, now: datetime | None = None) -> User:
    """Send the invitation again, with a link that works for another seven days.

    Raises:
        NotFound: the user does not exist.
        Conflict: the user has already chosen a password, or is deactivated.
    """
    user = get(user_id)
    if user.password_hash is not None or not user.is_enabled:
        raise Conflict(_("%(name)s is not waiting for an invitation.", name=user.name))
    emails.queue_account_email("invitation", user, now or utc_now())
    audit.record("user.invited", user.email, actor=actor, role=user.role, again=True)
    db.session.commit()
    return user


def set_role(user_id: int, role: str, *, actor: User, now: datetime | None = None) -> User:
    """Change a user's role. A user who stops being an admin loses the tokens only admins may have.

    Raises:
        NotFound: the user does not exist.
        Invalid: keyed `role`.
        Forbidden: the user is the actor, or the actor is no longer an admin.
    """
    role = validation.role(role)
    refusal = _("You can't remove your own admin role. Ask another admin.") if role != "admin" else ""
    with writing():
        user = _lock_with_admins(user_id, actor, refusal_for_self=refusal)
        if user.role != role:
            audit.record("user.role_changed", user.email, actor=actor, before=user.role, after=role)
            user.role = role
            if role != "admin":
                tokens.revoke_admin_scopes(user, now or utc_now())
    return user


def deactivate(user_id: int, *, actor: User, now: datetime | None = None) -> User:
    """Deactivate a user: nothing is sent, and sessions, tokens, webhooks, browsers and links end for good.

    Raises:
        NotFound, Forbidden: as `set_role`.
    """
    refusal = _("You can't deactivate your own account. Ask another admin.")
    with writing():
        user = _lock_with_admins(user_id, actor, refusal_for_self=refusal)
        if user.is_enabled:
            user.is_enabled = False
            user.session_epoch += 1
            sessions.end_all(user)
            access.revoke_all(user, actor=actor, now=now or utc_now())
            audit.record("user.deactivated", user.email, actor=actor)
    return user


def reactivate(user_id: int, *, actor: User, now: datetime | None = None) -> User:
    """Reactivate a user, with the password they had. Sessions, tokens, webhooks and browsers stay gone.

    Raises:
        NotFound, Forbidden: as `set_role`.
    """
    with writing():
        user = _lock_with_admins(user_id, actor)
        if not user.is_enabled:
            # Again, for accounts that were deactivated without `deactivate`.
            sessions.end_all(user)
            access.revoke_all(user, actor=actor, now=now or utc_now())
            user.is_enabled = True
            audit.record("user.reactivated", user.email, actor=actor)
    return user


def _lock_with_admins(user_id: int, actor: User, *, refusal_for_self: str = "") -> User:
    """Lock the user together with every active admin, so that two admins cannot remove each other at once.

    Args:
        refusal_for_self: why the actor cannot do this to themselves; empty if they can. It leaves at least one
            active admin: the actor.
    """
    locked = db.session.scalars(
        select(User)
        .where(or_(User.id == user_id, and_(User.role == "admin", User.is_enabled)))
        .order_by(User.id)  # Two admins who locked the same rows in opposite order would deadlock.
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    user = next((user for user in locked if user.id == user_id), None)
    if not any(admin.id == actor.id and admin.is_admin and admin.is_enabled for admin in locked):
        raise Forbidden(_("You're no longer an admin."))
    if refusal_for_self and user_id == actor.id:
        raise Forbidden(refusal_for_self)
    if user is None:
        raise NotFound(_("User not found."))
    return user

"""User administration: list, invite, change roles, deactivate."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Tuple, and_, func, or_, select, tuple_

from app.clock import utc_now
from app.database.base import db
from app.database.writing import writing
from app.models import User
from app.services.accounts import access, emails, notices, second_factor, sessions, tokens, users
from app.services.base import audit, paging, recipients, validation
from app.services.base.errors import Conflict, Forbidden, NotFound

PAGE_OF_EXPORT = 500
_by_name = tuple_(func.lower(User.name), User.id)
# What a list of users can be filtered by.
STATES: dict[str, ColumnElement[bool]] = {
    "active": and_(User.is_enabled, User.password_hash.is_not(None)),
    "invited": and_(User.is_enabled, User.password_hash.is_(None)),
    "deactivated": User.is_enabled.is_(False),
}


@dataclass(frozen=True)
class PeoplePage:
    """A page of users in the order of their names; `next` and `previous` are cursors, None at the ends."""

    rows: list[User]
    next: str | None
    previous: str | None


def page_for(
    search: str = "",
    *,
    roles: Collection[str] = (),
    states: Collection[str] = (),
    after: str | None = None,
    before: str | None = None,
    limit: int = 50,
) -> PeoplePage:
    """Load one page of users.

    Args:
        search: part of a name or an email address.
        roles: only users with one of these roles.
        states: only users in one of these states; see `STATES`.
        after, before: a cursor of another page; at most one of them.
    Raises:
        InvalidCursor: it is not a cursor of this list.
    """
    query = select(User)
    if search:
        query = query.where(recipients.matches_person(search))
    if roles:
        query = query.where(User.role.in_(roles))
    if wanted := [condition for name, condition in STATES.items() if name in states]:
        query = query.where(or_(*wanted))
    cursor = after if after is not None else before
    if cursor is not None:
        key = _read_cursor(cursor)
        query = query.where(_by_name > key if after is not None else _by_name < key)
    backwards = after is None and before is not None
    order = [part.desc() if backwards else part.asc() for part in (func.lower(User.name), User.id)]
    found = db.session.scalars(query.order_by(*order).limit(limit + 1)).all()
    page = paging.cut(found, limit, has_cursor=after is not None, is_backwards=backwards)
    return PeoplePage(list(page.rows), _cursor(page.next_starts_after), _cursor(page.previous_ends_before))


def state_of(user: User) -> str:
    """Return the key of `STATES` that a user is in."""
    if not user.is_enabled:
        return "deactivated"
    return "active" if user.password_hash else "invited"


def iterate(search: str = "", *, roles: Collection[str] = (), states: Collection[str] = ()) -> Iterator[User]:
    """Yield all users that match, a page at a time; arguments as for `page_for`."""
    after: str | None = None
    while True:
        page = page_for(search, roles=roles, states=states, after=after, limit=PAGE_OF_EXPORT)
        yield from page.rows
        if page.next is None:
            return
        after = page.next


def _read_cursor(cursor: str) -> Tuple:
    """Build the key of a cursor. The person there may be renamed or gone."""
    match paging.read_key(cursor):
        case [str(name), int(number)] if "\0" not in name and number in validation.WHOLE_NUMBERS:
            return tuple_(func.lower(name), int(number))
    raise paging.InvalidCursor


def _cursor(user: User | None) -> str | None:
    return paging.write_key((user.name, user.id)) if user else None


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
    with writing(lock=User, row_id=user_id) as found:
        user = _check_invited(found)
        emails.queue_account_email("invitation", user, now or utc_now())
        audit.record("user.invited", user.email, actor=actor, role=user.role, again=True)
    return user


def make_invite_link(
    user_id: int, *, secret: str, base_url: str, actor: User, now: datetime | None = None
) -> tuple[User, str]:
    """Make a link by which an invited user chooses a password, for an admin to pass on. The audit log records it.

    It works for seven days. Raises like `resend_invitation`.
    """
    with writing(lock=User, row_id=user_id) as found:
        user = _check_invited(found)
        link = emails.make_password_link("invitation", user, secret, base_url, now or utc_now())
        audit.record("user.invite_link_shown", user.email, actor=actor)
    return user, link


def _check_invited(user: User | None) -> User:
    if user is None:
        raise NotFound(_("User not found."))
    if user.password_hash is not None or not user.is_enabled:
        raise Conflict(_("%(name)s has no pending invite.", name=user.name))
    return user


def update_person(user_id: int, *, name: str, email: str, actor: User, now: datetime | None = None) -> User:
    """Change a user's name or address.

    With another address, links in earlier account emails stop working. An invited user gets a new invitation there,
    anyone else a notice at the old address.

    Raises:
        NotFound: the user does not exist.
        Invalid: keyed `name` or `email`.
        Forbidden: the actor is no longer an admin.
    """
    now = now or utc_now()
    with writing():
        user = _lock_with_admins(user_id, actor)
        before = users.rename(user, name, email)
        if before:
            after = {field: getattr(user, field) for field in before}
            audit.record("user.updated", user.email, actor=actor, before=before, after=after)
        if "email" in before:
            user.session_epoch += 1
            if user.password_hash is not None:
                notices.queue_address_notice(user, before["email"], now)
            elif user.is_enabled:
                emails.queue_account_email("invitation", user, now)
    return user


def change(
    user_id: int,
    *,
    role: str | None = None,
    is_enabled: bool | None = None,
    actor: User,
    now: datetime | None = None,
) -> User:
    """Change a user's role, or deactivate or reactivate them.

    Args:
        role: None leaves it. A user who stops being an admin loses the tokens only admins may have.
        is_enabled: None leaves it. For a deactivated user nothing is sent, and sessions, tokens, webhooks, browsers and
            links end for good. A reactivated user has the password as before, and none of those.
    Raises:
        NotFound: the user does not exist.
        Invalid: keyed `role`.
        Forbidden: the user is the actor, or the actor is no longer an admin.
    """
    refusal, now = "", now or utc_now()
    if role is not None and validation.role(role) != "admin":
        refusal = _("You can't remove your own admin role. Ask another admin.")
    elif is_enabled is False:
        refusal = _("You can't deactivate your own account. Ask another admin.")
    with writing():
        user = _lock_with_admins(user_id, actor, refusal_for_self=refusal)
        if role is not None:
            _set_role(user, role, actor, now)
        if is_enabled is not None and user.is_enabled != is_enabled:
            _set_enabled(user, actor, now, is_enabled=is_enabled)
    return user


def end_sessions(user_id: int, *, actor: User) -> User:
    """Sign a user out everywhere. Tokens, webhooks and browsers keep working.

    Raises:
        NotFound: the user does not exist.
        Forbidden: the actor is no longer an admin.
    """
    with writing():
        user = _lock_with_admins(user_id, actor)
        count = sessions.end_all(user)
        audit.record("session.ended", user.email, actor=actor, all=count)
    return user


def reset_second_factor(user_id: int, *, actor: User, now: datetime | None = None) -> User:
    """Turn off the two-step sign-in of someone who has lost the phone, and sign them out everywhere.

    Raises:
        NotFound: the user does not exist.
        Forbidden: the user is the actor, or the actor is no longer an admin.
    """
    refusal = _("Turn off your own two-step sign-in under Account → Security.")
    with writing():
        user = _lock_with_admins(user_id, actor, refusal_for_self=refusal)
        second_factor.remove(user, now or utc_now(), actor=actor)
        sessions.end_all(user)
    return user


def _set_role(user: User, role: str, actor: User, now: datetime) -> None:
    if user.role == role:
        return
    audit.record("user.role_changed", user.email, actor=actor, before=user.role, after=role)
    user.role = role
    if role != "admin":
        tokens.revoke_admin_scopes(user, now)


def _set_enabled(user: User, actor: User, now: datetime, *, is_enabled: bool) -> None:
    """Deactivate or reactivate. Both end all access, because an account may have been deactivated elsewhere."""
    if not is_enabled:
        user.session_epoch += 1
    user.is_enabled = is_enabled
    sessions.end_all(user)
    access.revoke_all(user, actor=actor, now=now)
    audit.record("user.reactivated" if is_enabled else "user.deactivated", user.email, actor=actor)


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
        .with_for_update(key_share=True)
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

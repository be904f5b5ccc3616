"""The people that a notification is for, loaded with their preferences in one statement."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, bindparam, or_, select

from app import addresses
from app.database.base import Base, db
from app.database.compiled import CompiledStatement
from app.models import User, UserNotificationPreference
from app.services.base.errors import Invalid


@dataclass(frozen=True, slots=True)
class Recipient:
    """The facts about a person that planning and wording a notification need.

    `preference` has the columns of `UserNotificationPreference`; it is a plain row where this was loaded as one.
    """

    id: int
    email: str
    phone: str
    time_zone: str
    locale: str
    is_enabled: bool
    preference: UserNotificationPreference

    @classmethod
    def of(cls, user: User) -> Recipient:
        """Make a recipient of a user."""
        return cls(
            user.id, user.email, user.phone, user.time_zone, user.locale, user.is_enabled, user.preference
        )


_USERS, _PREFERENCES = (Base.metadata.tables[name] for name in ("users", "user_notification_preferences"))
_USER_COLUMNS = [_USERS.c[name] for name in ("id", "email", "phone", "time_zone", "locale", "is_enabled")]
_RECIPIENTS = (
    select(*_USER_COLUMNS, *(column for column in _PREFERENCES.c if not column.primary_key))
    .join(_PREFERENCES, _PREFERENCES.c.user_id == _USERS.c.id)
    .order_by(_USERS.c.id)
)
_BY_EMAIL = CompiledStatement(_RECIPIENTS.where(_USERS.c.email == bindparam("email")))
_BY_EMAILS = _RECIPIENTS.where(_USERS.c.email.in_(bindparam("emails", expanding=True)))
_ACTIVE_BY_ROLE = _RECIPIENTS.where(_USERS.c.role == bindparam("role"), _USERS.c.is_enabled)
_ACTIVE_BY_IDS = _RECIPIENTS.where(_USERS.c.id.in_(bindparam("ids", expanding=True)), _USERS.c.is_enabled)


def active_recruiters() -> list[Recipient]:
    """Load everyone who recruits and may sign in."""
    return [_recipient(row) for row in db.session.execute(_ACTIVE_BY_ROLE, {"role": "recruiter"})]


def active_admins() -> list[Recipient]:
    """Load every admin who may sign in."""
    return [_recipient(row) for row in db.session.execute(_ACTIVE_BY_ROLE, {"role": "admin"})]


def by_ids(ids: Collection[int]) -> list[Recipient]:
    """Load those of these people who may sign in, in the order of their ids."""
    if not ids:
        return []
    return [_recipient(row) for row in db.session.execute(_ACTIVE_BY_IDS, {"ids": list(ids)})]


def matching(conditions: Collection[ColumnElement[bool]], limit: int) -> list[Recipient]:
    """Load the first people, in the order of their ids, for whom these conditions on `User` hold."""
    rows = db.session.execute(_RECIPIENTS.where(*conditions).limit(limit))
    return [_recipient(row) for row in rows]


def by_emails(emails: Sequence[str]) -> list[Recipient]:
    """Load the active people with these addresses, each once.

    Raises:
        Invalid: an address belongs to no account, or to a deactivated one; keyed `recipients[i]`.
    """
    wanted = [addresses.key(email) for email in emails]
    if len(wanted) == 1:
        rows = _BY_EMAIL.fetch(email=wanted[0])
    else:
        rows = list(db.session.execute(_BY_EMAILS, {"emails": list(set(wanted))}))
    found = {row.email: row for row in rows}
    errors = {}
    for position, email in enumerate(wanted):
        if email not in found:
            errors[f"recipients[{position}]"] = _("No account has the address %(email)s.", email=email)
        elif not found[email].is_enabled:
            errors[f"recipients[{position}]"] = _("The account %(email)s is deactivated.", email=email)
    if errors:
        raise Invalid(errors)
    return [_recipient(found[email]) for email in dict.fromkeys(wanted)]


def matches_person(search: str) -> ColumnElement[bool]:
    """Build the condition that a person's name or address contains a text, the address in any spelling."""
    search = addresses.trim(search)
    wanted = [search]
    name, at, host = search.rpartition("@")
    with contextlib.suppress(ValueError):
        wanted.append(f"{name.lower()}{at}{addresses.host(host)}")
    with contextlib.suppress(ValueError):
        wanted.append(addresses.email(search))
    in_name = User.name.icontains(search, autoescape=True)
    return or_(in_name, *(User.email.icontains(text, autoescape=True) for text in dict.fromkeys(wanted)))


def _recipient(row: Any) -> Recipient:
    return Recipient(row.id, row.email, row.phone, row.time_zone, row.locale, row.is_enabled, preference=row)

"""The people that a notification is for, loaded with their preferences in one statement."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, and_, bindparam, exists, false, select

from app import canonical_addresses, search_text
from app.database.base import Base, db
from app.database.compiled import CompiledStatement
from app.models import User, UserNotificationPreference
from app.services.base.errors import Invalid


class TextReader(Protocol):
    """The settings of a person or a room that texts are rendered with."""

    @property
    def time_zone(self) -> str: ...
    @property
    def locale(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Recipient:
    """The facts about a person that planning and wording a notification need.

    `preference` has the columns of `UserNotificationPreference`; it is a plain row where this was loaded as one.
    `may_mute` and `may_be_suppressed` tell whether mutes and suppressions of the email address have to be looked up.
    Few people have any, so the statement that reads the person also checks this.
    """

    id: int
    email: str
    phone: str
    time_zone: str
    locale: str
    is_enabled: bool
    preference: UserNotificationPreference
    may_mute: bool = True
    may_be_suppressed: bool = True

    @classmethod
    def from_user(cls, user: User) -> Recipient:
        """Make a recipient of a user."""
        return cls(
            user.id, user.email, user.phone, user.time_zone, user.locale, user.is_enabled, user.preference
        )


_USERS, _PREFERENCES, _FOLLOWS, _SUPPRESSIONS = (
    Base.metadata.tables[name]
    for name in ("users", "user_notification_preferences", "follows", "suppressions")
)
_MUTES = exists().where(_FOLLOWS.c.user_id == _USERS.c.id, _FOLLOWS.c.mode == "mute")
_IS_SUPPRESSED = exists().where(_SUPPRESSIONS.c.channel == "email", _SUPPRESSIONS.c.address == _USERS.c.email)
_USER_COLUMNS = [_USERS.c[name] for name in ("id", "email", "phone", "time_zone", "locale", "is_enabled")]
_RECIPIENTS = (
    select(
        *_USER_COLUMNS,
        *(column for column in _PREFERENCES.c if not column.primary_key),
        _MUTES.label("may_mute"),
        _IS_SUPPRESSED.label("may_be_suppressed"),
    )
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


def by_emails(emails: Sequence[str], field: str = "recipients") -> list[Recipient]:
    """Load the active people with these addresses, each once.

    Args:
        field: the name of the list in errors.
    Raises:
        Invalid: an address belongs to no account, or to a deactivated one; keyed `<field>[i]`.
    """
    wanted = [canonical_addresses.key(email) for email in emails]
    if len(wanted) == 1:
        rows = _BY_EMAIL.fetch(email=wanted[0])
    else:
        rows = list(db.session.execute(_BY_EMAILS, {"emails": list(set(wanted))}))
    found = {row.email: row for row in rows}
    errors = {}
    for position, email in enumerate(wanted):
        if email not in found:
            errors[f"{field}[{position}]"] = _("No account has the address %(email)s.", email=email)
        elif not found[email].is_enabled:
            errors[f"{field}[{position}]"] = _("The account %(email)s is deactivated.", email=email)
    if errors:
        raise Invalid(errors)
    return [_recipient(found[email]) for email in dict.fromkeys(wanted)]


def matches_person(search: str) -> ColumnElement[bool]:
    """Build the condition that a person's name or address contains each word of a text, in any spelling."""
    words: list[str] = []
    for term in canonical_addresses.trim(search).split():
        is_address = "@" in unicodedata.normalize("NFKC", term)
        words += [search_text.fold_address(term)] if is_address else search_text.tokenize_query(term)
    if not words:
        return false()
    return and_(*(User.search_words.contains(word, autoescape=True) for word in words))


def _recipient(row: Any) -> Recipient:
    return Recipient(
        row.id,
        row.email,
        row.phone,
        row.time_zone,
        row.locale,
        row.is_enabled,
        preference=row,
        may_mute=row.may_mute,
        may_be_suppressed=row.may_be_suppressed,
    )

"""Finding the people that an event is for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, time
from typing import Any, NamedTuple, Protocol

from flask_babel import gettext as _
from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import joinedload

from app.database.base import Base, db
from app.database.compiled import CompiledStatement
from app.models import User
from app.services.base.errors import Invalid


class Preference(Protocol):
    """What deciding asks of a person's preferences; the switches themselves go by their names."""

    @property
    def matrix(self) -> dict[str, Any]: ...
    @property
    def daily_digest(self) -> bool: ...
    @property
    def email_delay_minutes(self) -> int: ...
    @property
    def paused_until(self) -> datetime | None: ...
    @property
    def quiet_enabled(self) -> bool: ...
    @property
    def quiet_start(self) -> time: ...
    @property
    def quiet_end(self) -> time: ...
    @property
    def quiet_days(self) -> list[int]: ...


class Somebody(Protocol):
    """A person, however much of them is known."""

    @property
    def id(self) -> int: ...


class Recipient(Somebody, Protocol):
    """What writing to somebody asks of them: a `User`, or as much of one as an event needs."""

    @property
    def email(self) -> str: ...
    @property
    def phone(self) -> str: ...
    @property
    def time_zone(self) -> str: ...
    @property
    def locale(self) -> str: ...
    @property
    def is_enabled(self) -> bool: ...
    @property
    def preference(self) -> Preference: ...


class RecipientRow(NamedTuple):
    """A recipient as an event reads them, with less ado than a `User`."""

    id: int
    email: str
    phone: str
    time_zone: str
    locale: str
    is_enabled: bool
    preference: Any


_USERS, _PREFERENCES = (Base.metadata.tables[name] for name in ("users", "user_notification_preferences"))
_OWN = [_USERS.c[name] for name in RecipientRow._fields if name != "preference"]
_PERSON = (
    select(*_OWN, *(column for column in _PREFERENCES.c if not column.primary_key))
    .join(_PREFERENCES, _PREFERENCES.c.user_id == _USERS.c.id)
    .order_by(_USERS.c.id)
)
_BY_EMAIL = CompiledStatement(_PERSON.where(_USERS.c.email == bindparam("email")))
_BY_EMAILS = _PERSON.where(_USERS.c.email.in_(bindparam("emails", expanding=True)))
_RECRUITERS = _PERSON.where(_USERS.c.role == "recruiter", _USERS.c.is_enabled)


def active_recruiters() -> list[RecipientRow]:
    """Everyone who recruits and may sign in, with their preferences, in one statement."""
    return [_person(row) for row in db.session.execute(_RECRUITERS)]


def by_ids(ids: Collection[int]) -> list[User]:
    """Those of these people who may sign in, with their preferences."""
    wanted = _with_preferences().where(User.id.in_(ids), User.is_enabled)
    return list(db.session.scalars(wanted)) if ids else []


def active_admins() -> list[User]:
    """Everyone who looks after Bellhop and may sign in, with their preferences, in one statement."""
    return list(db.session.scalars(_with_preferences().where(User.role == "admin", User.is_enabled)))


def by_emails(emails: Sequence[str]) -> list[RecipientRow]:
    """The active people with these addresses, each once.

    Raises:
        Invalid: an address is nobody's, or the account is switched off; keyed `recipients[i]`.
    """
    wanted = [email.strip().lower() for email in emails]
    if len(wanted) == 1:
        rows = _BY_EMAIL.fetch(email=wanted[0])
    else:
        rows = list(db.session.execute(_BY_EMAILS, {"emails": list(set(wanted))}))
    found = {row.email: row for row in rows}
    errors = {}
    for place, email in enumerate(wanted):
        if email not in found:
            errors[f"recipients[{place}]"] = _("Nobody here has the address %(email)s.", email=email)
        elif not found[email].is_enabled:
            errors[f"recipients[{place}]"] = _("The account %(email)s is switched off.", email=email)
    if errors:
        raise Invalid(errors)
    return [_person(found[email]) for email in dict.fromkeys(wanted)]


def _person(row: Any) -> RecipientRow:
    return RecipientRow._make([*row[: len(_OWN)], row])


def _with_preferences() -> Select[User]:
    # Read again where somebody holds them already: a switch that was turned counts from the next event on.
    fresh = {"populate_existing": True}
    return select(User).options(joinedload(User.preference)).order_by(User.id).execution_options(**fresh)

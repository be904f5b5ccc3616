"""Finding the people that an event is for."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from flask_babel import gettext as _
from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import joinedload

from app.extensions import db
from app.models import User
from app.services.errors import Invalid


def _with_preferences() -> Select[User]:
    # Read again where somebody holds them already: a switch that was turned counts from the next event on.
    fresh = {"populate_existing": True}
    return select(User).options(joinedload(User.preference)).order_by(User.id).execution_options(**fresh)


_BY_EMAILS = _with_preferences().where(User.email.in_(bindparam("emails", expanding=True)))


def active_recruiters() -> list[User]:
    """Everyone who recruits and may sign in, with their preferences, in one statement."""
    return list(db.session.scalars(_with_preferences().where(User.role == "recruiter", User.is_enabled)))


def by_ids(ids: Collection[int]) -> list[User]:
    """Those of these people who may sign in, with their preferences."""
    wanted = _with_preferences().where(User.id.in_(ids), User.is_enabled)
    return list(db.session.scalars(wanted)) if ids else []


def active_admins() -> list[User]:
    """Everyone who looks after Bellhop and may sign in, with their preferences, in one statement."""
    return list(db.session.scalars(_with_preferences().where(User.role == "admin", User.is_enabled)))


def by_emails(emails: Sequence[str]) -> list[User]:
    """The active people with these addresses, each once.

    Raises:
        Invalid: an address is nobody's, or the account is switched off; keyed `recipients[i]`.
    """
    wanted = [email.strip().lower() for email in emails]
    found = {user.email: user for user in db.session.scalars(_BY_EMAILS, {"emails": list(set(wanted))})}
    errors = {}
    for place, email in enumerate(wanted):
        if email not in found:
            errors[f"recipients[{place}]"] = _("Nobody here has the address %(email)s.", email=email)
        elif not found[email].is_enabled:
            errors[f"recipients[{place}]"] = _("The account %(email)s is switched off.", email=email)
    if errors:
        raise Invalid(errors)
    return [found[email] for email in dict.fromkeys(wanted)]

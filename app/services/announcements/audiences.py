"""Resolves the audience of an announcement: people, roles or everyone; active users only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, func, select

from app import catalog
from app.clock import utc_now
from app.database.base import db
from app.models import User
from app.services.base import recipients, validation
from app.services.base.errors import Invalid
from app.services.base.recipients import Recipient
from app.services.routing import hiring_teams, routes
from app.services.routing.candidate_and_job import CandidateAndJob

# As stored; see `models.Announcement.audience`.
Audience = dict[str, Any]
MAX_PEOPLE = 10_000


def resolve(
    emails: Sequence[str] | None, roles: Sequence[str] | None, *, everyone: bool, about: CandidateAndJob
) -> Audience:
    """Resolve the audience from exactly one of three descriptions, or else the hiring team and followers.

    Args:
        emails: the addresses of users.
        roles: one or more of `catalog.ROLES`.
        everyone: all active users.
        about: the candidate and the job, and the hiring team.
    Raises:
        Invalid: keyed `recipients`, `recipients[i]`, `hiring_team[i]` or `roles`: none or several were given, one is
            unknown, or no active user is in the audience.
    """
    team = recipients.by_emails(_addresses("hiring_team", about.hiring_team), "hiring_team")
    team = team or hiring_teams.team_of(about.job_id)
    if emails is None and roles is None and not everyone:
        members = {user.id for user in team} | routes.find_followers_of(about, utc_now()).keys()
        if members:
            return {"people": sorted(members)}
    if sum((emails is not None, roles is not None, everyone)) != 1:
        raise Invalid({"recipients": _("Choose one audience: people, roles or everyone.")})
    if emails is not None:
        if not 1 <= len(emails) <= MAX_PEOPLE:
            raise Invalid({"recipients": _("Enter 1 to %(most)s people.", most=MAX_PEOPLE)})
        return {"people": sorted(user.id for user in recipients.by_emails(_addresses("recipients", emails)))}
    audience: Audience = {"everyone": True} if everyone else {"roles": _roles(roles or ())}
    if not count(audience):
        raise Invalid({"roles": _("No active account has this role.")})
    return audience


def count(audience: Audience) -> int:
    """Count the audience as it is now."""
    return db.session.scalar(select(func.count()).select_from(User).where(*_conditions(audience, 0))) or 0


def next_members(audience: Audience, *, after: int, limit: int) -> list[Recipient]:
    """Load the next members in the order of their ids; fewer than `limit` at the end."""
    return recipients.matching(_conditions(audience, after), limit)


def route_of(audience: Audience) -> str:
    """Return the key of `routes.REASONS` that says why the members get the announcement."""
    match audience:
        case {"people": _}:
            return "announced_people"
        case {"roles": [role]}:
            return f"announced_{role}"
    return "announced_everyone"


def _conditions(audience: Audience, after: int) -> list[ColumnElement[bool]]:
    clauses: list[ColumnElement[bool]] = [User.is_enabled.is_(True), User.id > after]
    if "people" in audience:
        clauses.append(User.id.in_(audience["people"]))
    if "roles" in audience:
        clauses.append(User.role.in_(audience["roles"]))
    return clauses


def _addresses(field: str, emails: Sequence[str]) -> list[str]:
    errors, addresses = {}, []
    for index, email in enumerate(emails):
        try:
            addresses.append(validation.email_shaped(email))
        except validation.InvalidValue:
            errors[f"{field}[{index}]"] = _("“%(text)s” is not an email address.", text=str(email)[:100])
    if errors:
        raise Invalid(errors)
    return addresses


def _roles(roles: Sequence[str]) -> list[str]:
    if not roles or set(roles) - set(catalog.ROLES):
        raise Invalid({"roles": _("Choose one or more of: %(names)s.", names=", ".join(catalog.ROLES))})
    return [role for role in catalog.ROLES if role in roles]

"""The people of the demo, whose password is published. They must not get into a server that others can reach."""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy import select

from app.database.base import db
from app.models import User

PASSWORD = "welcome-to-bellhop"  # noqa: S105  # Printed at every start; only for the three people below.
# Email, name, role and time zone.
PEOPLE = (
    ("ruth@bellhop.example", "Ruth Okafor", "recruiter", "Europe/Paris"),
    ("maya@bellhop.example", "Maya Lindqvist", "recruiter", "America/New_York"),
    ("admin@bellhop.example", "Daniel Osei", "admin", "Europe/Paris"),
)
EMAILS = frozenset(email for email, *_rest in PEOPLE)


def is_demo_person(email: str) -> bool:
    """Whether the account with this address belongs to the demo."""
    return email in EMAILS


def refusal() -> str:
    """Return why a demo person cannot get in on a public address, and what to do."""
    return _(
        "The demo's accounts work only where HOST and BASE_URL are this machine's own, because their password is "
        "published. Sign in with another account, or create one with “flask users create”."
    )


def list_enabled() -> list[str]:
    """List the addresses of the demo people who are not deactivated."""
    found = select(User.email).where(User.email.in_(EMAILS), User.is_enabled)
    return list(db.session.scalars(found.order_by(User.id)))


def has_others() -> bool:
    """Whether there are accounts that do not belong to the demo."""
    return db.session.scalar(select(User.id).where(User.email.not_in(EMAILS)).limit(1)) is not None

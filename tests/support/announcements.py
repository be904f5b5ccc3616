"""Announcements and audiences for tests of several files."""

from __future__ import annotations

from sqlalchemy import func, select

from app.database.base import db
from app.models import Notification, User
from tests.support import factories

NEWS = {"title": "Maintenance tonight", "message": "Bellhop sleeps from 22:00 to 22:30."}


def crowd(count: int, **fields: object) -> None:
    """Create recruiters p0@example.test, p1@example.test and so on."""
    db.session.add_all(factories.bare_user(f"p{number}@example.test", **fields) for number in range(count))
    db.session.commit()


def rows_each() -> set[int]:
    """Collect the numbers of notifications that recipients have."""
    counted = select(func.count()).select_from(Notification).group_by(Notification.recipient_id)
    return set(db.session.scalars(counted))


def reached() -> list[str]:
    """List the address of the recipient of each notification."""
    query = select(User.email).join(Notification, Notification.recipient_id == User.id)
    return sorted(db.session.scalars(query))

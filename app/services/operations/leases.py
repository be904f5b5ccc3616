"""A name that one process at a time holds, so that many may keep the same timetable."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, or_, update
from sqlalchemy.exc import IntegrityError

from app.clock import utc_now
from app.database.base import db
from app.database.writing import BULK
from app.models import Lease


def hold(name: str, holder: str, seconds: float, *, now: datetime | None = None) -> bool:
    """Take a lease, or keep it when it is already ours.

    Args:
        holder: who asks; the same text every time.
        seconds: how long it lasts unless it is taken again.
    Returns:
        False while somebody else holds it.
    """
    now = now or utc_now()
    lease = db.session.get(Lease, name, populate_existing=True)
    until = now + timedelta(seconds=seconds)
    if lease is not None and lease.held_until > now:
        if lease.holder != holder:
            return False
        if lease.held_until > now + timedelta(seconds=seconds / 2):
            return True  # Renewed at half time: an idle process should not write all day.
    free = or_(Lease.holder == holder, Lease.held_until <= now)
    taken = db.session.execute(
        update(Lease)
        .where(Lease.name == name, free)
        .values(holder=holder, held_until=until)
        .returning(Lease.name)
        .execution_options(**BULK)
    ).first()
    is_taken = taken is not None
    if lease is None and not is_taken:
        db.session.add(Lease(name=name, holder=holder, held_until=until))
        is_taken = True
    try:
        db.session.commit()
    except IntegrityError:
        db.session.rollback()  # Somebody was first by a moment.
        return False
    return is_taken


def release(holder: str) -> None:
    """Give up every lease of a process that ends."""
    db.session.execute(delete(Lease).where(Lease.holder == holder).execution_options(**BULK))
    db.session.commit()

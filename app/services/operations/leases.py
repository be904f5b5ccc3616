"""Leases: names that one process at a time holds, so several processes can share a schedule."""

from __future__ import annotations

import os
import socket
from datetime import datetime, timedelta

from sqlalchemy import delete, or_, update
from sqlalchemy.exc import IntegrityError

from app.clock import utc_now
from app.database.base import db
from app.database.writing import BULK
from app.models import Lease


def holder_id() -> str:
    """Return the name of this process on leases, claims and runs of jobs."""
    return f"{socket.gethostname()}:{os.getpid()}"[:80]


def hold(name: str, holder: str, seconds: float, *, now: datetime | None = None) -> bool:
    """Take a lease, or renew it if it is already ours, and commit.

    Args:
        holder: the name of the process; see `holder_id`.
        seconds: how long it lasts unless it is renewed.
    Returns:
        False while another process holds it.
    """
    now = now or utc_now()
    lease = db.session.get(Lease, name, populate_existing=True)
    until = now + timedelta(seconds=seconds)
    if lease is not None and lease.held_until > now:
        if lease.holder != holder:
            return False
        if lease.held_until > now + timedelta(seconds=seconds / 2):
            return True  # Renewed in its second half only, so an idle process rarely writes.
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
        db.session.rollback()  # Another process was faster.
        return False
    return is_taken


def release(holder: str) -> None:
    """Release all leases of a process, and commit."""
    db.session.execute(delete(Lease).where(Lease.holder == holder).execution_options(**BULK))
    db.session.commit()

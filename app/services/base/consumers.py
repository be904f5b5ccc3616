"""Which queues of the broker have workers: each worker renews a lease for every queue that it takes messages from."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select, update

from app.database.base import db
from app.database.writing import BULK, writing
from app.models import Lease

# A worker that dies counts for this long, and each renews its leases three times as often.
LEASE = timedelta(seconds=30)
RENEW_SECONDS = 10.0
PREFIX = "consumer "


class QueueLeases:
    """The leases of one worker.

    Args:
        queues: the queues that it takes messages from.
        holder: the name of its process.
    """

    def __init__(self, queues: Collection[str], holder: str) -> None:
        self._holder = holder
        # Of a length that fits the column, whatever the host is called.
        number = secrets.token_hex(8)
        self._names = [f"{PREFIX}{queue} {number}" for queue in queues]

    def renew(self, now: datetime) -> None:
        """Renew the leases, remove those of workers that died, and commit."""
        until = now + LEASE
        with writing():
            ours = update(Lease).where(Lease.name.in_(self._names)).values(held_until=until)
            kept = set(db.session.scalars(ours.returning(Lease.name), execution_options=BULK))
            new = [
                {"name": name, "holder": self._holder, "held_until": until}
                for name in self._names
                if name not in kept
            ]
            if new:
                db.session.execute(insert(Lease), new)
            dead = delete(Lease).where(Lease.name.startswith(PREFIX), Lease.held_until < now - LEASE)
            db.session.execute(dead, execution_options=BULK)

    def release(self) -> None:
        """Give the leases back, and commit."""
        db.session.execute(delete(Lease).where(Lease.name.in_(self._names)), execution_options=BULK)
        db.session.commit()


def count_by_queue(now: datetime) -> Counter[str]:
    """Count the workers of each queue."""
    alive = select(Lease.name).where(Lease.name.startswith(PREFIX), Lease.held_until > now)
    counts = Counter(name.split()[1] for name in db.session.scalars(alive))
    db.session.commit()
    return counts


def forget_connections() -> None:
    """Forget, in a process that was forked, the database connections of its parent, which still uses them."""
    db.engine.dispose(close=False)

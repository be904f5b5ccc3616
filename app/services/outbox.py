"""The outbox: deliveries are claimed with a token and a lease, and only whoever has the token may finish them.

A process may be killed at any moment. What it had claimed lapses with the lease and is given back by `sweep`;
nothing else takes a row away from it.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, insert, literal_column, select, update

from app.clock import utc_now
from app.extensions import db
from app.models import AuditEntry, Delivery
from app.services import outcomes

LEASE = timedelta(seconds=30)
BATCH = 20
CRASHES_UNTIL_DEAD = 3
# Rows in memory are not brought up to date: they are read again where they matter.
BULK = {"synchronize_session": False}
# Literals, because the database only uses a partial index for a condition that it can see.
IS_WAITING = Delivery.state.in_([literal_column("'pending'"), literal_column("'retry_wait'")])
IS_CLAIMED = Delivery.state == literal_column("'claimed'")
WAITING_AGAIN: ColumnElement[str] = case((Delivery.attempts == 0, "pending"), else_="retry_wait")


def has_due(channels: Collection[str], now: datetime) -> bool:
    """Whether there is anything to send: a read, so that an idle sender never takes the write lock."""
    return db.session.execute(due(channels, now).limit(1)).first() is not None


def claim(
    channels: Collection[str], now: datetime, *, lease_until: datetime, holder: str, is_suspect: bool = False
) -> tuple[str, set[int]]:
    """Take the deliveries that have been due longest, and commit.

    Args:
        is_suspect: take one that was in a sender's hands when it died, instead of a batch of the others. Alone,
            so that one that kills its sender takes nothing with it, and one that merely waited is cleared of it.
    Returns:
        the token, and the ids that it holds.
    """
    token = secrets.token_hex(16)
    wanted = due(channels, now)
    if is_suspect:
        wanted = (
            wanted.where(Delivery.crashes > 0)
            .order_by(Delivery.crashes, Delivery.due_at, Delivery.id)
            .limit(1)
        )
    else:
        wanted = wanted.where(Delivery.crashes == 0).order_by(Delivery.due_at, Delivery.id).limit(BATCH)
    # A common table expression is worked out once; PostgreSQL may run a plain subquery again for every row.
    picked = wanted.with_for_update(skip_locked=True).cte("picked")
    rows = db.session.execute(
        update(Delivery)
        .where(Delivery.id.in_(select(picked.c.id)))
        .values(state="claimed", token=token, lease_until=lease_until, claimed_by=holder)
        .returning(Delivery.id)
        .execution_options(**BULK)
    )
    ids = set(rows.scalars())
    db.session.commit()
    return token, ids


def renew(token: str, lease_until: datetime) -> set[int]:
    """Prolong a claim, and commit.

    Returns:
        the ids that are still ours.
    """
    rows = db.session.execute(
        update(Delivery)
        .where(Delivery.token == token, IS_CLAIMED)
        .values(lease_until=lease_until)
        .returning(Delivery.id)
        .execution_options(**BULK)
    )
    ids = set(rows.scalars())
    db.session.commit()
    return ids


def give_back(token: str, *, reason: str | None = None, reason_data: dict[str, Any] | None = None) -> None:
    """Return what is left of a claim as it was, and commit.

    Args:
        reason: why it waits on, where that has changed.
    """
    values = outcomes.FREE | {"state": WAITING_AGAIN}
    if reason is not None:
        values |= {"reason": reason, "reason_data": reason_data or {}}
    db.session.execute(
        update(Delivery).where(Delivery.token == token, IS_CLAIMED).values(values).execution_options(**BULK)
    )
    db.session.commit()


def sweep(now: datetime | None = None) -> int:
    """Give back the claims of senders that died, and commit.

    Each time a row is found so counts as a crash; after three it is dead. A row comes alone after its first
    (see `claim`), so only one that really was being sent each time gets that far.

    Returns:
        how many rows were given back or declared dead.
    """
    now = now or utc_now()
    lapsed = and_(IS_CLAIMED, Delivery.lease_until < now)
    if db.session.execute(select(Delivery.id).where(lapsed).limit(1)).first() is None:
        return 0
    is_dead = Delivery.crashes + 1 >= CRASHES_UNTIL_DEAD
    values = outcomes.FREE | {
        "state": case((is_dead, "dead"), else_=WAITING_AGAIN),
        "reason": case((is_dead, "crashed"), else_=Delivery.reason),
        "crashes": Delivery.crashes + 1,
    }
    returned = (Delivery.id, Delivery.state, Delivery.notification_id, Delivery.channel, Delivery.address)
    rows = db.session.execute(
        update(Delivery).where(lapsed).values(values).returning(*returned).execution_options(**BULK)
    ).all()
    dead = [row for row in rows if row.state == "dead"]
    if dead:
        db.session.execute(insert(AuditEntry), [outcomes.audit_entry(row, "dead", "crashed") for row in dead])
        outcomes.settle_notifications([row.notification_id for row in dead], now)
    db.session.commit()
    return len(rows)


def due(channels: Collection[str], now: datetime) -> Select[Any]:
    """The ids of what these channels have to send by now."""
    return select(Delivery.id).where(IS_WAITING, Delivery.due_at <= now, Delivery.channel.in_(channels))

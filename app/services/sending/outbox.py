"""The outbox: deliveries are claimed with a token and a lease, and only whoever has the token may finish them.

A process may be killed at any moment. What it had claimed lapses with the lease and is given back by `sweep`;
nothing else takes a row away from it.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, case, insert, literal_column, select, update

from app.clock import utc_now
from app.database.base import db
from app.models import AuditEntry, Delivery
from app.services.sending import results

LEASE = timedelta(seconds=30)
CRASHES_UNTIL_DEAD = 3
# Literals, because the database only uses a partial index for a condition that it can see.
IS_WAITING = Delivery.state.in_([literal_column("'pending'"), literal_column("'retry_wait'")])
IS_CLAIMED = Delivery.state == literal_column("'claimed'")
WAITING_AGAIN: ColumnElement[str] = case((Delivery.attempts == 0, "pending"), else_="retry_wait")

# Built once: putting a statement together costs more than running it.
DUE = select(Delivery.id).where(
    IS_WAITING, Delivery.due_at <= bindparam("now"), Delivery.channel == bindparam("way")
)
FRESH = DUE.where(Delivery.crashes == 0).order_by(Delivery.due_at, Delivery.id)
SUSPECT = DUE.where(Delivery.crashes > 0).order_by(Delivery.crashes, Delivery.due_at, Delivery.id)
MINE = update(Delivery).where(Delivery.token == bindparam("held"), IS_CLAIMED)


def _claim(wanted: Any) -> Any:
    # A common table expression is worked out once; PostgreSQL may run a plain subquery again for every row.
    picked = wanted.limit(bindparam("most")).with_for_update(skip_locked=True).cte("picked")
    values = {
        "state": "claimed",
        "token": bindparam("held"),
        "lease_until": bindparam("until", type_=Delivery.lease_until.type),
        "claimed_by": bindparam("holder"),
    }
    return update(Delivery).where(Delivery.id.in_(select(picked.c.id))).values(values).returning(Delivery.id)


CLAIM_FRESH, CLAIM_SUSPECT = _claim(FRESH), _claim(SUSPECT)
RENEW = MINE.values(lease_until=bindparam("until", type_=Delivery.lease_until.type)).returning(Delivery.id)


def claim(
    channel: str,
    now: datetime,
    *,
    lease_until: datetime,
    holder: str,
    most: int = 1,
    is_suspect: bool = False,
) -> tuple[str, set[int]]:
    """Take the deliveries that have been due longest, and commit.

    Args:
        most: how many at once.
        is_suspect: take those that were in a sender's hands when it died, instead of the others. They are to be
            taken one by one: one that kills its sender takes nothing with it, one that merely waited is cleared.
    Returns:
        the token, and the ids that it holds.
    """
    token, wanted = secrets.token_hex(16), {"now": now, "way": channel}
    connection = db.session.connection()
    # Read first: an idle sender never takes the write lock.
    if connection.execute((SUSPECT if is_suspect else FRESH).limit(1), wanted).first() is None:
        db.session.commit()
        return token, set()
    values = wanted | {"most": most, "held": token, "until": lease_until, "holder": holder}
    ids = set(connection.execute(CLAIM_SUSPECT if is_suspect else CLAIM_FRESH, values).scalars())
    db.session.commit()
    return token, ids


def has_due(channel: str, now: datetime) -> bool:
    """Whether anything is due over a channel."""
    found = db.session.connection().execute(DUE.limit(1), {"now": now, "way": channel}).first()
    db.session.commit()
    return found is not None


def renew(token: str, lease_until: datetime) -> set[int]:
    """Prolong a claim, and commit.

    Returns:
        the ids that are still ours.
    """
    ids = set(db.session.connection().execute(RENEW, {"held": token, "until": lease_until}).scalars())
    db.session.commit()
    return ids


def give_back(token: str, *, reason: str | None = None, reason_data: dict[str, Any] | None = None) -> None:
    """Return what is left of a claim as it was, and commit.

    Args:
        reason: why it waits on, where that has changed.
    """
    values = results.FREE | {"state": WAITING_AGAIN}
    if reason is not None:
        values |= {"reason": reason, "reason_data": reason_data or {}}
    db.session.connection().execute(MINE.values(values), {"held": token})
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
    connection = db.session.connection()
    if connection.execute(select(Delivery.id).where(lapsed).limit(1)).first() is None:
        db.session.commit()
        return 0
    is_dead = Delivery.crashes + 1 >= CRASHES_UNTIL_DEAD
    values = results.FREE | {
        "state": case((is_dead, "dead"), else_=WAITING_AGAIN),
        "reason": case((is_dead, "crashed"), else_=Delivery.reason),
        "crashes": Delivery.crashes + 1,
    }
    returned = (Delivery.id, Delivery.state, Delivery.notification_id, Delivery.channel, Delivery.address)
    rows = connection.execute(update(Delivery).where(lapsed).values(values).returning(*returned)).all()
    _bury([row for row in rows if row.state == "dead"])
    db.session.commit()
    return len(rows)


def _bury(dead: Sequence[Any]) -> None:
    if dead:
        entries = [results.audit_entry(row, "dead", "crashed") for row in dead]
        db.session.connection().execute(insert(AuditEntry), entries)
        results.build_failed([row.notification_id for row in dead])

"""The outbox: claims deliveries with a token and a lease. Only the holder of the token may record their results.

A process may be killed at any moment. When the lease of its claim ends, `sweep` gives the deliveries back;
nothing else takes them away from it.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, Update, bindparam, case, insert, literal_column, select, update

from app.clock import utc_now
from app.database.base import db
from app.database.compiled import CompiledStatement
from app.models import AuditEntry, Delivery
from app.models.delivery import WAITING_STATES
from app.services.base import outgoing
from app.services.notifications import inbox_version
from app.services.routing.reasons import HELD
from app.services.sending import results

LEASE = timedelta(seconds=30)
CRASHES_UNTIL_DEAD = 3
# More conditions than this make a statement too long. Emails to further domains are claimed and given back.
MOST_DOMAINS = 200
# Literals, because a partial index is only used for a condition without parameters.
IS_WAITING = Delivery.state.in_([literal_column(f"'{state}'") for state in WAITING_STATES])
IS_CLAIMED = Delivery.state == literal_column("'claimed'")
WAITING_AGAIN: ColumnElement[str] = case((Delivery.attempts == 0, "pending"), else_="retry_wait")

# Built once, because building a statement takes longer than running it.
DUE = select(Delivery.id).where(
    IS_WAITING, Delivery.due_at <= bindparam("now"), Delivery.channel == bindparam("channel_name")
)
NOT_SUSPECT = DUE.where(Delivery.crashes == 0)
IN_ORDER = (Delivery.due_at, Delivery.id)
# The queues of a channel. Each gets its turn, so none waits behind another, however long that is.
QUEUES: dict[str, Select[Any]] = {
    "urgent": NOT_SUSPECT.where(Delivery.is_urgent).order_by(*IN_ORDER),
    # Held by a worker that died. Claimed one by one, so that a delivery that kills its worker takes no other with it.
    "suspect": DUE.where(Delivery.crashes > literal_column("0")).order_by(Delivery.crashes, *IN_ORDER),
    "retry": NOT_SUSPECT.where(
        ~Delivery.is_urgent, Delivery.state == literal_column("'retry_wait'")
    ).order_by(*IN_ORDER),
    "new": NOT_SUSPECT.where(~Delivery.is_urgent, Delivery.state == literal_column("'pending'")).order_by(
        *IN_ORDER
    ),
}
# Each worker polls each queue of each channel, and most are empty.
_FIRST = {name: CompiledStatement(due.limit(literal_column("1"))) for name, due in QUEUES.items()}
_FIRST_OF_ALL = CompiledStatement(DUE.limit(literal_column("1")))
OURS = update(Delivery).where(Delivery.token == bindparam("held"), IS_CLAIMED)


def _claim_statement(due: Any) -> Any:
    # A CTE, because PostgreSQL may run a plain subquery again for every row.
    picked = due.limit(bindparam("most")).with_for_update(skip_locked=True).cte("picked")
    values = {
        "state": "claimed",
        "token": bindparam("held"),
        "lease_until": bindparam("until", type_=Delivery.lease_until.type),
        "claimed_by": bindparam("holder"),
    }
    return update(Delivery).where(Delivery.id.in_(select(picked.c.id))).values(values).returning(Delivery.id)


CLAIMS = {name: CompiledStatement(_claim_statement(due)) for name, due in QUEUES.items()}
# Those that a message of the broker names.
NAMED = NOT_SUSPECT.where(Delivery.id.in_(bindparam("named", expanding=True))).order_by(*IN_ORDER)
NAMED_ALONE = DUE.where(Delivery.id == bindparam("named")).order_by(*IN_ORDER)
CLAIM_NAMED, CLAIM_NAMED_ALONE = _claim_statement(NAMED), _claim_statement(NAMED_ALONE)
RENEW = OURS.values(lease_until=bindparam("until", type_=Delivery.lease_until.type)).returning(Delivery.id)


def claim(
    channel: str,
    now: datetime,
    *,
    lease_until: datetime,
    holder: str,
    queue: str = "new",
    named: Sequence[int] = (),
    most: int = 1,
    except_domains: Sequence[str] = (),
) -> tuple[str, set[int]]:
    """Claim the deliveries of a queue that have been due longest, and commit.

    Args:
        queue: a name in `QUEUES`.
        named: claim those of these ids that are due instead. One that was held by a worker that died is claimed alone.
        most: how many at most.
        except_domains: do not claim emails to these domains, each with its @.
    Returns:
        the token, and the ids that were claimed.
    """
    token = secrets.token_hex(16)
    parameters: dict[str, Any] = {"now": now, "channel_name": channel}
    due = QUEUES[queue]
    statement: CompiledStatement | Update = CLAIMS[queue]
    if len(named) == 1:
        due, statement, parameters["named"] = NAMED_ALONE, CLAIM_NAMED_ALONE, named[0]
    elif named:
        due, statement, parameters["named"] = NAMED, CLAIM_NAMED, list(named)
    if except_domains:
        due = due.where(*_not_to(except_domains))
        statement = _claim_statement(due)
    # Read first, so an idle worker never takes the write lock.
    if not _finds_any(_FIRST[queue] if statement is CLAIMS[queue] else due.limit(1), parameters):
        return token, set()
    values = parameters | {"most": most, "held": token, "until": lease_until, "holder": holder}
    claimed = (
        statement.fetch(**values)
        if isinstance(statement, CompiledStatement)
        else db.session.connection().execute(statement, values)
    )
    ids = {row.id for row in claimed}
    db.session.commit()
    return token, ids


def has_due(channel: str, now: datetime, except_domains: Sequence[str] = ()) -> bool:
    """Whether anything is due over a channel, apart from emails to these domains."""
    due = DUE.where(*_not_to(except_domains)).limit(1) if except_domains else _FIRST_OF_ALL
    return _finds_any(due, {"now": now, "channel_name": channel})


def _finds_any(query: CompiledStatement | Select[Any], parameters: Mapping[str, Any]) -> bool:
    if isinstance(query, CompiledStatement):
        return bool(query.fetch(**parameters))
    found = db.session.connection().execute(query, parameters).first()
    db.session.commit()
    return found is not None


def _not_to(domains: Sequence[str]) -> list[ColumnElement[bool]]:
    return [~Delivery.address.iendswith(domain, autoescape=True) for domain in domains[:MOST_DOMAINS]]


def renew(token: str, lease_until: datetime) -> set[int]:
    """Extend a claim, and commit.

    Returns:
        the ids that are still ours.
    """
    ids = set(db.session.connection().execute(RENEW, {"held": token, "until": lease_until}).scalars())
    db.session.commit()
    return ids


def give_back_deliveries(token: str, ids: Collection[int]) -> None:
    """Give back these deliveries of a claim, and commit."""
    query = OURS.where(Delivery.id.in_(ids)).values(results.UNCLAIMED | {"state": WAITING_AGAIN})
    db.session.connection().execute(query, {"held": token})
    db.session.commit()


def give_back(token: str, *, reason: str | None = None, reason_data: dict[str, Any] | None = None) -> None:
    """Give back the deliveries of a claim that have no result, and commit.

    Args:
        reason: the new reason why they wait; None leaves it unchanged. A message that was held for its recipient's
            sake keeps its reason, because it is not sent if it has been read by then.
    """
    values = results.UNCLAIMED | {"state": WAITING_AGAIN}
    if reason is not None:
        is_held = Delivery.reason.in_(HELD)
        values |= {
            "reason": case((is_held, Delivery.reason), else_=reason),
            "reason_data": case(
                (is_held, Delivery.reason_data),
                else_=bindparam("new_data", reason_data or {}, type_=Delivery.reason_data.type),
            ),
        }
    if reason == "misconfigured":
        values["state"] = "retry_wait"
    db.session.connection().execute(OURS.values(values), {"held": token})
    db.session.commit()


def sweep(now: datetime | None = None) -> int:
    """Give back the claims of workers that died, and commit; they are published at once.

    Each time counts as a crash of the delivery; after three it is dead. After the first crash a delivery is claimed
    alone (see `QUEUES`), so only one that was being sent each time gets that far.

    Returns:
        how many rows were given back or declared dead.
    """
    now = now or utc_now()
    expired = select(Delivery.id).where(IS_CLAIMED, Delivery.lease_until < now)
    connection = db.session.connection()
    if connection.execute(expired.limit(1)).first() is None:
        db.session.commit()
        return 0
    # Every process sweeps, and one that was paused while it recorded results may hold locks.
    picked = expired.with_for_update(skip_locked=True).cte("picked")
    is_dead = Delivery.crashes + 1 >= CRASHES_UNTIL_DEAD
    values = results.UNCLAIMED | {
        "state": case((is_dead, "dead"), else_=WAITING_AGAIN),
        "reason": case((is_dead, "crashed"), else_=Delivery.reason),
        "crashes": Delivery.crashes + 1,
    }
    returned = (Delivery.id, Delivery.state, Delivery.notification_id, Delivery.channel, Delivery.address)
    given_back = update(Delivery).where(Delivery.id.in_(select(picked.c.id))).values(values)
    rows = connection.execute(given_back.returning(*returned)).all()
    _record_dead([row for row in rows if row.state == "dead"], now)
    outgoing.note(deliveries=[row.id for row in rows if row.state != "dead"])
    db.session.commit()
    return len(rows)


def _record_dead(dead: Sequence[Any], now: datetime) -> None:
    if dead:
        entries = [results.audit_entry(row, "dead", "crashed") for row in dead]
        db.session.connection().execute(insert(AuditEntry), entries)
        inbox_version.bump(results.mark_notifications_failed([row.notification_id for row in dead]))
        results.report_failures([row.id for row in dead], now)

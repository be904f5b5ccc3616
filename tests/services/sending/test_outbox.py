"""Claims: one holder at a time, released when the holder dies."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from app.clock import utc_now
from app.database import postgresql
from app.database.base import db
from app.models import User
from app.services.sending import outbox, results
from app.services.sending.loading import load_deliveries
from app.services.sending.results import SendResult
from tests.support import factories
from tests.support.delivery import pending_email, reload
from tests.support.waiting import wait_until


def test_a_delivery_has_one_holder_at_a_time(any_app: Flask) -> None:
    alice = factories.user("alice@example.test")
    row = pending_email(alice)
    now = utc_now()
    token, ids = outbox.claim("email", now, most=20, lease_until=now + outbox.LEASE, holder="one")
    assert ids == {row.id}
    assert outbox.claim("email", now, most=20, lease_until=now + outbox.LEASE, holder="two")[1] == set()
    done = SendResult(row.id, "sent", now, started_at=now)
    assert results.record_results("another token", [done]) == 0
    assert reload(row).state == "claimed"
    assert results.record_results(token, [done]) == 1
    assert results.record_results(token, [done]) == 0
    assert len(reload(row).log) == 1


def test_what_has_been_due_longest_is_sent_first(any_app: Flask) -> None:
    alice, now = factories.user("alice@example.test"), utc_now()
    rows = [pending_email(alice, due_at=now - timedelta(minutes=minutes)) for minutes in (2, 9, 5)]
    loaded = load_deliveries({row.id for row in rows})
    assert [row.id for row in loaded] == [rows[1].id, rows[2].id, rows[0].id]


def test_sweep_releases_expired_claims_only(any_app: Flask) -> None:
    alice = factories.user("alice@example.test")
    row = pending_email(alice)
    now = utc_now()
    outbox.claim("email", now, most=20, lease_until=now + outbox.LEASE, holder="one")
    assert outbox.sweep(now + timedelta(seconds=29)) == 0
    assert outbox.sweep(now + timedelta(seconds=31)) == 1
    assert (reload(row).state, row.crashes, row.token) == ("pending", 1, None)


def test_a_worker_that_vanished_in_a_transaction_does_not_stop_the_sweep(
    pg_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "IDLE_TIMEOUT", "1s")
    db.session.remove()
    db.engine.dispose()
    alice = factories.user("alice@example.test")
    locked, free = pending_email(alice), pending_email(alice)
    now = utc_now()
    outbox.claim("email", now, most=20, lease_until=now + outbox.LEASE, holder="one")
    vanished = db.engine.connect()
    vanished.exec_driver_sql("BEGIN")
    vanished.exec_driver_sql(f"UPDATE deliveries SET attempts = 1 WHERE id = {locked.id}")
    assert outbox.sweep(now + timedelta(seconds=31)) == 1, "what is not locked does not wait"
    assert reload(free).state == "pending"
    wait_until(lambda: outbox.sweep(now + timedelta(seconds=31)) == 1)
    assert reload(locked).state == "pending"
    vanished.invalidate()
    vanished.close()


def test_delivery_that_kills_its_worker_three_times_is_dead_and_affects_no_other(any_app: Flask) -> None:
    alice = factories.user("alice@example.test")
    poison, other = pending_email(alice), pending_email(alice)
    sizes = []
    for minute in range(6):
        now = utc_now() + timedelta(minutes=minute)
        for queue in ("new", "suspect"):
            token, ids = outbox.claim(
                "email",
                now,
                lease_until=now + outbox.LEASE,
                holder="x",
                most=1 if queue == "suspect" else 20,
                queue=queue,
            )
            if poison.id not in ids:
                results.record_results(token, [SendResult(row, "sent", now, started_at=now) for row in ids])
            sizes.append(len(ids))
            # If the poison is among them, the worker dies here and its claim expires.
            outbox.sweep(now + timedelta(seconds=31))
    assert sizes[:6] == [2, 1, 0, 1, 0, 1], "suspects come alone, those that crashed less often first"
    assert (reload(poison).state, poison.reason, poison.crashes) == ("dead", "crashed", 3)
    assert (reload(other).state, other.crashes) == ("sent", 1)


def test_releasing_a_claim_costs_no_attempt(any_app: Flask) -> None:
    alice = factories.user("alice@example.test")
    row = pending_email(alice)
    now = utc_now()
    token, _ids = outbox.claim("email", now, most=20, lease_until=now + outbox.LEASE, holder="one")
    outbox.give_back(token)
    assert (reload(row).state, row.crashes, row.attempts, row.token) == ("pending", 0, 0, None)


def test_due_deliveries_are_found_with_an_index(app: Flask) -> None:
    compiled = outbox.NOT_SUSPECT.limit(20).compile(db.engine, compile_kwargs={"literal_binds": False})
    values = {"now": str(utc_now()), "channel_name": "email"}
    with db.engine.connect() as connection:
        given = tuple(values.get(name, compiled.params[name]) for name in compiled.positiontup or [])
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", given).all()
    assert "ix_deliveries_due" in str(plan)
    assert "TEMP B-TREE" not in str(plan)


@pytest.mark.parametrize(
    ("queue", "fields"),
    [
        ("urgent", {"is_urgent": True}),
        ("urgent", {"is_urgent": True, "state": "retry_wait", "attempts": 1}),
        ("retry", {"state": "retry_wait", "attempts": 1}),
        ("new", {}),
        ("suspect", {"crashes": 1}),
        ("suspect", {"crashes": 1, "is_urgent": True}),
        ("suspect", {"crashes": 2, "state": "retry_wait", "attempts": 1}),
    ],
)
def test_each_due_delivery_is_in_one_queue_that_uses_an_index(
    app: Flask, alice: User, queue: str, fields: dict[str, object]
) -> None:
    row = pending_email(alice, **fields)
    now = utc_now()
    for name in outbox.QUEUES:
        _token, ids = outbox.claim("email", now, lease_until=now, holder="one", queue=name, most=20)
        assert ids == ({row.id} if name == queue else set())
        statement = outbox.QUEUES[name].limit(1).compile(db.engine)
        plan = db.session.connection().exec_driver_sql(
            f"EXPLAIN QUERY PLAN {statement}",
            tuple({"now": str(now), "channel_name": "email"}.get(key, 1) for key in statement.positiontup),
        )
        wanted = "due" if name == "new" else name
        assert f"ix_deliveries_{wanted}" in str(plan.all())

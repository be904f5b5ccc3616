"""What an interruption costs at most: the sums in docs/operations.md stay below a minute."""

from __future__ import annotations

from app.database import postgresql
from app.jobs import SCHEDULE, tasks
from app.services.base import broker, consumers
from app.services.sending import outbox, publishing, worker
from app.services.sending.claim import HEARTBEAT_SECONDS

MOST_SECONDS = 60.0


def test_what_a_dead_worker_held_is_sent_within_a_minute() -> None:
    assert SCHEDULE["sweep"].is_shared, "or the lease of a process that died would be part of the sum"
    swept = max(SCHEDULE["sweep"].every.total_seconds(), consumers.RENEW_SECONDS)
    # An idle worker waits for the message; a busy one looks by itself after three turns: retries, new and urgent ones.
    published = tasks.PUBLISH_LEASE_SECONDS + SCHEDULE["deliver"].every.total_seconds()
    assert outbox.LEASE.total_seconds() + swept + max(published, 3 * worker.TURN_SECONDS) <= MOST_SECONDS


def test_messages_that_the_broker_lost_are_published_again_within_a_minute() -> None:
    lost = publishing.UNCLAIMED_FOR + SCHEDULE["deliver"].every
    assert lost.total_seconds() + tasks.PUBLISH_LEASE_SECONDS <= MOST_SECONDS


def test_the_servers_send_within_a_minute_when_all_workers_or_the_broker_are_gone() -> None:
    every = SCHEDULE["deliver"].every.total_seconds()
    workers_gone = consumers.LEASE.total_seconds() + publishing.CONSUMERS_KNOWN_FOR
    broker_gone = broker.TIMEOUT + broker.TRY_AGAIN_AFTER + publishing.SEND_AFTER_SECONDS
    assert max(workers_gone, broker_gone) + every <= MOST_SECONDS


def test_a_worker_notices_within_a_minute_that_its_connection_to_redis_hangs() -> None:
    options = broker.make_celery("redis://localhost").conf.broker_transport_options
    # kombu checks every interval whether the answer is overdue for as long; BRPOP itself waits for a second.
    noticed = 2 * options["health_check_interval"] + 1
    # The old connection is tried once more by whoever closes it, and by whoever looks for other workers.
    assert noticed + 2 * options["socket_timeout"] <= MOST_SECONDS


def test_a_process_that_is_paused_in_a_transaction_holds_its_locks_for_less_than_its_lease() -> None:
    assert float(postgresql.IDLE_TIMEOUT.removesuffix("s")) < outbox.LEASE.total_seconds()
    assert outbox.LEASE.total_seconds() > HEARTBEAT_SECONDS * 2, "one late renewal loses no claim"

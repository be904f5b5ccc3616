"""Publishes the ids of due deliveries to the broker's queues: after their commit, and again if no worker claims them.

A message carries ids and nothing else, so one that comes twice, late or never changes nothing: a worker claims rows, as
every sender does.
"""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from flask import Flask, current_app
from sqlalchemy import bindparam, or_, select
from sqlalchemy.exc import SQLAlchemyError

from app.channels import CONNECTORS
from app.clock import utc_now
from app.database.base import db
from app.models import Delivery
from app.services.base import broker, consumers, outages, outgoing
from app.services.base.broker import SEND_QUEUES, Broker, BrokerAway
from app.services.base.outgoing import Written
from app.services.sending import outbox

IDS_PER_MESSAGE = 50
# A burst is split into this many messages for each worker, so that all workers finish at about the same time. A message
# carries at least `LEAST_IDS`, because each costs a connection.
MESSAGES_PER_WORKER, LEAST_IDS = 4, 10
# A due delivery that no worker has claimed for this long is published again.
UNCLAIMED_FOR = timedelta(seconds=5)
# If the broker has been away for this long, the scheduler's process sends by itself.
SEND_AFTER_SECONDS = 30.0
# With this many messages in a queue its workers are busy, so unclaimed deliveries are not published again.
ENOUGH_MESSAGES = 20
# How many deliveries of a channel one look publishes again.
MOST_AGAIN = 1_000
# How many commits may wait to be published; the look-out finds what is dropped.
MOST_WAITING = 10_000
# For how long it is remembered which queues have workers.
CONSUMERS_KNOWN_FOR = 2.0
IS_SENT_OUT = Delivery.channel.in_(list(CONNECTORS))
DUE_OF = select(Delivery.id, Delivery.channel, Delivery.crashes).where(
    or_(
        Delivery.notification_id.in_(bindparam("notifications", expanding=True)),
        Delivery.id.in_(bindparam("deliveries", expanding=True)),
    ),
    outbox.IS_WAITING,
    IS_SENT_OUT,
    Delivery.due_at <= bindparam("now"),
)
CHUNK = 500
# How many requests a message names.
MOST_REQUEST_IDS = 20
log = logging.getLogger(__name__)


class Publisher:
    """Publishes after commits, in a thread of its own, so that no caller waits for the broker or fails with it."""

    def __init__(self, app: Flask, queue: Broker) -> None:
        self._app, self._broker = app, queue
        self._commits: deque[Written] = deque(maxlen=MOST_WAITING)
        self._has_work = threading.Event()
        self._lock = threading.Lock()
        self._thread_of = 0
        self._consumed: Counter[str] = Counter()
        self._consumed_until = 0.0
        # When the look-out published a delivery last, on the monotonic clock.
        self._published_again: dict[int, float] = {}
        # How far rows of bulk work had come, and when that was looked at.
        self._progress: dict[tuple[str, int], tuple[int, float]] = {}

    def add(self, written: Written) -> None:
        """Publish what a transaction wrote, soon."""
        self._commits.append(written)
        if self._thread_of != os.getpid():
            self._start_thread()
        self._has_work.set()

    def _start_thread(self) -> None:
        with self._lock:
            # A fork takes no threads along.
            if self._thread_of != os.getpid():
                threading.Thread(target=self._run, name="publisher", daemon=True).start()
                self._thread_of = os.getpid()

    def _run(self) -> None:
        while self._has_work.wait():
            self._has_work.clear()
            with self._app.app_context():
                try:
                    self._publish_commits()
                except SQLAlchemyError as error:
                    if not outages.is_outage(error):
                        log.exception("Deliveries could not be published")
                    outages.report(error)
                except Exception:
                    log.exception("Deliveries could not be published")

    def _publish_commits(self) -> None:
        while self._commits:
            written = Written()
            while self._commits and len(written.notification_ids) + len(written.delivery_ids) < CHUNK:
                each = self._commits.popleft()
                written.notification_ids += each.notification_ids
                written.delivery_ids += each.delivery_ids
                written.request_ids |= each.request_ids
            if self.consumed_channels():
                self._publish_written(written)

    def _publish_written(self, written: Written) -> None:
        notifications = written.notification_ids
        for start in range(0, max(len(notifications), 1), CHUNK):
            values = {
                "notifications": notifications[start : start + CHUNK],
                "deliveries": written.delivery_ids if not start else [],
                "now": utc_now(),
            }
            rows = db.session.execute(DUE_OF, values).all()
            db.session.commit()
            try:
                self._publish(rows, ",".join(sorted(written.request_ids)[:MOST_REQUEST_IDS]))
            except BrokerAway:
                return

    def _publish(self, rows: Iterable[Any], request_ids: str = "") -> int:
        """Publish deliveries of channels that have a worker; returns how many. Raises BrokerAway."""
        by_channel: dict[str, list[int]] = defaultdict(list)
        count, consumed = 0, self.consumed_channels()
        for row in rows:
            if row.channel not in consumed:
                continue
            count += 1
            if row.crashes:  # Alone, so that a delivery that kills its worker takes no other with it.
                self._publish_ids(row.channel, [row.id], request_ids)
            else:
                by_channel[row.channel].append(row.id)
        for channel, ids in by_channel.items():
            size = self._ids_per_message(channel, len(ids))
            for start in range(0, len(ids), size):
                self._publish_ids(channel, ids[start : start + size], request_ids)
        return count

    def _ids_per_message(self, channel: str, count: int) -> int:
        messages = MESSAGES_PER_WORKER * max(self._consumed_queues()[f"send.{channel}"], 1)
        return min(max(math.ceil(count / messages), LEAST_IDS), IDS_PER_MESSAGE)

    def _publish_ids(self, channel: str, ids: Sequence[int], request_ids: str) -> None:
        self._broker.publish(broker.SEND, (channel, ids), f"send.{channel}", request_ids=request_ids)

    def try_publish(self, task: str, arguments: Sequence[Any], queue: str) -> bool:
        """Publish a task; returns whether the broker took it."""
        try:
            self._broker.publish(task, arguments, queue)
        except BrokerAway:
            return False
        return True

    def publish_stalled(self, task: str, progress: Mapping[int, int]) -> int:
        """Publish a task of the queue `bulk` for each row that has not moved for five seconds; returns how many.

        Args:
            progress: how far each row has come. A task that moves one publishes its own successor.
        """
        clock, count = time.monotonic(), 0
        moved_at = {}
        for row_id, reached in progress.items():
            known = self._progress.get((task, row_id))
            if known is None or clock - known[1] >= UNCLAIMED_FOR.total_seconds():
                is_stalled = known is None or known[0] == reached
                count += is_stalled and self.try_publish(task, (row_id,), broker.BULK_QUEUE)
                known = reached, clock
            moved_at[task, row_id] = known
        self._progress = moved_at
        return count

    def has_workers(self, queue: str) -> bool:
        """Whether a queue has workers, and the broker responds."""
        return not self._broker.seconds_away and queue in self._consumed_queues()

    def consumed_channels(self) -> set[str]:
        """Return the channels that a worker sends over."""
        queues = self._consumed_queues()
        return {channel for queue, channel in SEND_QUEUES.items() if queue in queues}

    def _consumed_queues(self) -> Counter[str]:
        """Return the number of workers of each queue that has any; looked up every other second."""
        now = time.monotonic()
        if now >= self._consumed_until:
            self._consumed = consumers.count_by_queue(utc_now())
            self._consumed_until = now + CONSUMERS_KNOWN_FOR
        return self._consumed

    def is_reachable(self) -> bool:
        """Whether the broker responds."""
        return self._broker.check()

    def must_send(self, channel: str) -> bool:
        """Whether the scheduler's process has to send over a channel: no worker does, or the broker is away."""
        return self._broker.seconds_away > SEND_AFTER_SECONDS or channel not in self.consumed_channels()

    def publish_unclaimed(self, now: datetime | None = None) -> int:
        """Publish again what has been due for five seconds and is not claimed; returns how many deliveries."""
        now = now or utc_now()
        count, clock = 0, time.monotonic()
        for channel in sorted(self.consumed_channels()):
            try:
                if self._broker.count_waiting(f"send.{channel}") < ENOUGH_MESSAGES:
                    count += self._publish_again(channel, now, clock)
            except BrokerAway:
                break
        again_after = UNCLAIMED_FOR.total_seconds()
        self._published_again = {
            row_id: at for row_id, at in self._published_again.items() if clock - at < again_after
        }
        return count

    def _publish_again(self, channel: str, now: datetime, clock: float) -> int:
        rows: list[Any] = []
        for queue in ("urgent", "suspect", "retry", "new"):
            due = outbox.QUEUES[queue].with_only_columns(Delivery.id, Delivery.channel, Delivery.crashes)
            found = db.session.execute(
                due.limit(MOST_AGAIN + len(self._published_again)),
                {"now": now - UNCLAIMED_FOR, "channel_name": channel},
            )
            rows += [row for row in found if row.id not in self._published_again][: MOST_AGAIN - len(rows)]
            if len(rows) >= MOST_AGAIN:
                break
        db.session.commit()
        count = self._publish(rows)
        self._published_again |= {row.id: clock for row in rows}
        return count


def register(app: Flask) -> None:
    """Publish what this application commits, if it has a broker."""
    if not app.config["CELERY_BROKER_URL"]:
        return
    app.extensions["broker"] = Broker(app.config["CELERY_BROKER_URL"])
    app.extensions["publisher"] = publisher = Publisher(app, app.extensions["broker"])
    with app.app_context():
        outgoing.listen(publisher.add)


def current() -> Publisher | None:
    """Return the publisher of the current application; None if it has no broker."""
    found: Publisher | None = current_app.extensions.get("publisher")
    return found

"""The connection to the message broker of Celery, for those who publish: how it is reached, and whether it is away.

The broker only wakes workers up. What must be done is in the database, so a message that is lost costs seconds.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from flask import current_app

from app import catalog

if TYPE_CHECKING:
    from celery import Celery
    from kombu.connection import Connection

SEND_QUEUES = {
    f"send.{channel.name}": channel.name for channel in catalog.CHANNELS.values() if channel.is_outgoing
}
BULK_QUEUE = "bulk"
QUEUES = (*SEND_QUEUES, BULK_QUEUE)
# The names of the tasks, which `app/jobs/celery_tasks.py` defines.
SEND, WRITE_ANNOUNCEMENT, SETTLE_DIGESTS = (
    "bellhop.send",
    "bellhop.write_announcement",
    "bellhop.settle_digests",
)
# Seconds that a publisher waits for the broker, and how long it then leaves it alone.
TIMEOUT, TRY_AGAIN_AFTER = 0.25, 1.0
# A task takes at most about a minute and what one slow server takes (RFC 5321, 4.5.3.2: ten minutes).
TASK_SECONDS = 900
# The loss of a message is noticed anyway, so no one waits longer than this until it is delivered again.
VISIBILITY_SECONDS = 2 * TASK_SECONDS
# Seconds after which a worker gives up a connection to Redis that does not respond; otherwise it would wait forever.
# While it waits for messages, it notices after twice as long. RabbitMQ's connections have heartbeats.
REDIS_SECONDS = 10.0
# The options of each transport that limit how long a call waits.
AMQP_LIMITS, REDIS_LIMITS = ("read_timeout", "write_timeout"), ("socket_timeout", "socket_connect_timeout")
log = logging.getLogger(__name__)


class BrokerAway(Exception):
    """The broker does not respond."""


def make_celery(url: str) -> Celery:
    """Create the Celery application that publishers and workers share.

    Args:
        url: `CELERY_BROKER_URL`.
    """
    # Imported here, because installations without a broker should not load it.
    from celery import Celery
    from kombu.entity import Queue

    celery = Celery("bellhop", broker=url, set_as_current=False)
    celery.conf.update(
        task_queues=[Queue(name, routing_key=name) for name in QUEUES],
        task_default_queue=BULK_QUEUE,
        task_create_missing_queues=False,
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=True,
        task_time_limit=TASK_SECONDS,
        worker_prefetch_multiplier=1,
        # What runs goes on: it holds its claims, and the broker is not needed to record the results.
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_soft_shutdown_timeout=0,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={"visibility_timeout": VISIBILITY_SECONDS}
        | ({} if _is_amqp(url) else dict.fromkeys((*REDIS_LIMITS, "health_check_interval"), REDIS_SECONDS)),
        result_backend=None,
        enable_utc=True,
    )
    return celery


class Broker:
    """Publishes tasks, over one connection a process, and remembers since when the broker has been away."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.RLock()
        self._celery: Celery | None = None
        self._connection: Connection | None = None
        self._pid = os.getpid()
        # On the monotonic clock: when it was found to be away, and when it is tried again.
        self._away_since: float | None = None
        self._try_at = 0.0

    def publish(self, task: str, arguments: Sequence[Any], queue: str, **headers: Any) -> None:
        """Publish a task.

        Raises:
            BrokerAway: the broker does not respond, or did not a moment ago.
        """
        with self._lock:
            self._try(lambda: self._send(task, arguments, queue, headers))

    def count_waiting(self, queue: str) -> int:
        """Count the messages that no worker has taken yet. Raises BrokerAway."""
        with self._lock:
            return int(self._try(lambda: self._declare(queue)))

    def check(self) -> bool:
        """Whether the broker responds."""
        try:
            self.count_waiting(BULK_QUEUE)
        except BrokerAway:
            return False
        return True

    @property
    def seconds_away(self) -> float:
        """For how long the broker has been away; 0 while it responds."""
        since = self._away_since
        return 0.0 if since is None else time.monotonic() - since

    def _try(self, act: Any) -> Any:
        if self._pid != os.getpid():  # A connection must not be used after a fork.
            self._connection, self._celery, self._pid = None, None, os.getpid()
        if time.monotonic() < self._try_at:
            raise BrokerAway
        try:
            result = act()
        except Exception as error:
            # The clients of the two brokers have no base class in common, and a connection that broke raises many.
            self._drop()
            self._try_at = time.monotonic() + TRY_AGAIN_AFTER
            if self._away_since is None:
                self._away_since = time.monotonic()
                log.warning(
                    "The message broker is away, so workers learn of new work later: %s", _describe(error)
                )
            raise BrokerAway from error
        if self._away_since is not None:
            log.warning("The message broker responds again, after %.0f s", self.seconds_away)
            self._away_since = None
        return result

    def _send(self, task: str, arguments: Sequence[Any], queue: str, headers: dict[str, Any]) -> None:
        celery = self._client()
        with celery.amqp.Producer(self._connected(celery)) as producer:
            celery.send_task(
                task, args=list(arguments), queue=queue, producer=producer, retry=False, headers=headers
            )

    def _declare(self, queue: str) -> int:
        channel = self._connected(self._client()).default_channel
        # As Celery declares it: the answer has the number of messages.
        return int(channel.queue_declare(queue, durable=True, auto_delete=False).message_count)

    def _client(self) -> Celery:
        if self._celery is None:
            self._celery = make_celery(self._url)
            names = AMQP_LIMITS if _is_amqp(self._url) else REDIS_LIMITS
            self._celery.conf.broker_transport_options |= {"max_retries": 0} | dict.fromkeys(names, TIMEOUT)
        return self._celery

    def _connected(self, celery: Celery) -> Connection:
        if self._connection is None:
            self._connection = celery.connection_for_write(connect_timeout=TIMEOUT)
            self._connection.connect()
        return self._connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.release()
            except Exception:  # noqa: BLE001  # It is broken already.
                log.debug("A broken connection could not be closed")


def current() -> Broker | None:
    """Return the broker of the current application; None if it has none."""
    found: Broker | None = current_app.extensions.get("broker")
    return found


def _is_amqp(url: str) -> bool:
    return url.startswith("amqp")


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"

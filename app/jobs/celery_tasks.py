"""The tasks that a Celery worker runs, and how the worker starts and stops.

A task carries ids only. It claims rows as every sender does, so a message that comes twice, late or never changes
nothing: there are no retries and no results.
"""

from __future__ import annotations

import logging
import mmap
import os
import signal
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from billiard.process import active_children
from celery import signals
from celery.worker.request import Request
from flask import Flask
from flask.logging import default_handler
from kombu.asynchronous import get_event_loop
from sqlalchemy.exc import SQLAlchemyError

from app import request_ids, telemetry
from app.clock import utc_now
from app.jobs import stopping
from app.jobs.tasks import delivery_worker
from app.services.announcements import writer
from app.services.base import broker, consumers, outages
from app.services.base.consumers import QueueLeases
from app.services.digests import settle
from app.services.operations import leases
from app.services.sending import outbox, publishing

if TYPE_CHECKING:
    from celery import Celery, Task

log = logging.getLogger(__name__)


class SharedFlag:
    """A flag that the processes of one worker share, without a lock, which a killed process would keep."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 1)

    def set(self) -> None:
        self._memory[0] = 1

    def is_set(self) -> bool:
        return self._memory[0] != 0


class ReconnectingRequest(Request):
    """A message that reconnects its worker if it cannot be acknowledged.

    Celery only logs the failure, and never takes another message in its place.
    """

    def acknowledge(self) -> None:
        super().acknowledge()  # type: ignore[no-untyped-call]
        if (loop := get_event_loop()) is not None:
            # The message is acknowledged in the next turn of the loop, in any order with what else is called then.
            loop.call_soon(loop.call_soon, self._check_acknowledged)

    def _check_acknowledged(self) -> None:
        if not self._message.acknowledged:
            # In the loop, an error of the connection makes the worker connect again.
            raise ConnectionError("A message could not be acknowledged.")


def make_worker(app: Flask) -> Celery:
    """Create the Celery application of a worker, which `celery -A celery_app worker` runs."""
    celery = broker.make_celery(app.config["CELERY_BROKER_URL"])

    def define(name: str, act: Callable[..., object]) -> None:
        """Define a task that acts within the application and leaves its work to later while the database is away."""

        def run(task: Task, *arguments: Any) -> None:
            with app.app_context(), request_ids.of_task(task.request.get("request_ids") or ""):
                began_at, failed = time.time_ns(), True
                try:
                    act(*arguments)
                    failed = False
                except SQLAlchemyError as error:
                    if not outages.is_outage(error):
                        raise
                    outages.report(error)
                finally:
                    telemetry.record(name, began_at, failed=failed)

        celery.task(name=name, bind=True, Request=ReconnectingRequest)(run)

    define(broker.SEND, lambda channel, ids: delivery_worker().deliver_named(channel, ids))
    define(broker.WRITE_ANNOUNCEMENT, _write_announcement)
    define(broker.SETTLE_DIGESTS, settle.settle_people)
    _connect_signals(app)
    return celery


def _connect_process_signals(app: Flask, flags: list[SharedFlag]) -> None:
    @signals.worker_process_init.connect(weak=False)  # type: ignore[untyped-decorator]
    def begin_process(**_more: Any) -> None:
        """Forget the connections of the main process, and stop after the current message when that is told to."""
        with app.app_context():
            consumers.forget_connections()
            delivery_worker().stopping = flags[0]
        telemetry.start(app, "worker")

    @signals.worker_process_shutdown.connect(weak=False)  # type: ignore[untyped-decorator]
    def end_process(**_more: Any) -> None:
        telemetry.stop(app)


def _write_announcement(announcement_id: int) -> None:
    """Write the next people of an announcement, and publish the task again for the rest."""
    publisher = publishing.current()
    if writer.write_some(announcement_id) and publisher is not None:
        publisher.try_publish(broker.WRITE_ANNOUNCEMENT, (announcement_id,), broker.BULK_QUEUE)


def _connect_signals(app: Flask) -> None:
    # One flag for each worker, made before its processes: several workers may be forked from this one.
    flags: list[SharedFlag] = []
    _connect_process_signals(app, flags)

    @signals.celeryd_init.connect(weak=False)  # type: ignore[untyped-decorator]
    def begin_worker(**_more: Any) -> None:
        flags[:] = [SharedFlag()]

    @signals.setup_logging.connect(weak=False)  # type: ignore[untyped-decorator]
    def log_like_the_server(loglevel: int, **_more: Any) -> None:
        for name in ("celery", "kombu"):
            logger = logging.getLogger(name)
            logger.setLevel(loglevel)
            logger.addHandler(default_handler)
            logger.propagate = False

    @signals.worker_ready.connect(weak=False)  # type: ignore[untyped-decorator]
    def begin_leases(sender: Any, **_more: Any) -> None:
        if not hasattr(sender.app, "queue_leases"):
            queues = set(sender.app.amqp.queues.consume_from)
            sender.app.queue_leases = _LeaseThread(app, queues)
            sender.app.queue_leases.start()

    @signals.worker_shutting_down.connect(weak=False)  # type: ignore[untyped-decorator]
    def stop_after_current_message(**_more: Any) -> None:
        flags[0].set()
        stopping.exit_after(stopping.SECONDS, before=_kill_processes)

    @signals.worker_shutdown.connect(weak=False)  # type: ignore[untyped-decorator]
    def end_leases(sender: Any, **_more: Any) -> None:
        if hasattr(sender.app, "queue_leases"):
            sender.app.queue_leases.stop()


def _kill_processes() -> None:
    """Kill the processes of this worker, which would go on without it."""
    for process in active_children():
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)


class _LeaseThread(threading.Thread):
    """Renews the leases that tell others which queues this worker serves, and sweeps, should no server run."""

    def __init__(self, app: Flask, queues: Collection[str]) -> None:
        super().__init__(name="queue-leases", daemon=True)
        self._app, self._ended = app, threading.Event()
        self._leases = QueueLeases(sorted(queues), leases.holder_id())

    def run(self) -> None:
        while True:
            self._act(lambda: self._leases.renew(utc_now()))
            self._act(outbox.sweep)
            if self._ended.wait(consumers.RENEW_SECONDS):
                return

    def stop(self) -> None:
        """Release the leases, so that others know at once."""
        self._ended.set()
        self.join(1)
        self._act(self._leases.release)

    def _act(self, act: Any) -> None:
        with self._app.app_context():
            try:
                act()
            except SQLAlchemyError as error:
                if not outages.is_outage(error):
                    raise
                outages.report(error)

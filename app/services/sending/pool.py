"""Runs worker threads per channel, so a slow channel cannot delay the others."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime

from flask import Flask, current_app

from app import catalog
from app.channels import CONNECTORS

# How often to look for new work while some threads are busy.
POLL_SECONDS = 0.5
# How many threads a channel may have beyond its own while some of them wait for a slow host.
SPARE = 3


def drain_channels(
    has_work: Callable[[str, datetime | None], bool],
    drain: Callable[[str, datetime | None], int],
    now: datetime | None,
    before_round: Callable[[], None] | None = None,
    slow: Callable[[str], int] = lambda _name: 0,
) -> int:
    """Drain all channels at once, and look for new work for as long as one of them is busy.

    Args:
        has_work: tells whether anything is due over a channel.
        drain: sends what is due over a channel and returns how much that was; runs in a thread.
        now: act as if it were this time.
        before_round: called each time before looking for work, in the calling thread.
        slow: tells how many threads of a channel wait for a slow host; as many others may take over, up to `SPARE`.
    Returns:
        the sum of what `drain` returned.
    """
    # The object itself, because threads do not inherit the application context.
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
    # The channel of each thread, by the thread's number.
    threads = [name for name in CONNECTORS for _thread in range(catalog.CHANNELS[name].threads + SPARE)]
    busy: dict[int, Future[int]] = {}
    ready_at = [0.0] * len(threads)
    done = 0

    def run(channel: str) -> int:
        with app.app_context():
            return drain(channel, now)

    with ThreadPoolExecutor(len(threads), thread_name_prefix="channel") as executor:
        while True:
            if before_round:
                before_round()
            due = {channel for channel in CONNECTORS if has_work(channel, now)}
            for number, channel in enumerate(threads):
                if channel not in due or number in busy or ready_at[number] > time.monotonic():
                    continue
                active = sum(threads[other] == channel for other in busy)
                if active < catalog.CHANNELS[channel].threads + min(slow(channel), SPARE):
                    busy[number] = executor.submit(run, channel)
            if not busy:
                return done
            wait(busy.values(), timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
            for number in [number for number, future in busy.items() if future.done()]:
                sent = busy.pop(number).result()
                done += sent
                # If nothing was left, another thread has claimed what is due: do not ask again at once.
                ready_at[number] = 0.0 if sent else time.monotonic() + POLL_SECONDS

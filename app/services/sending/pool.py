"""Sending over several channels at once, so that a slow one keeps none of the others waiting."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime

from flask import Flask, current_app

from app import catalog
from app.channels import CONNECTORS
from app.clock import utc_now
from app.services.sending import scheduled

# Seconds between two looks for new work while some lanes are busy.
PATIENCE = 0.5


def drain_channels(
    has_work: Callable[[str, datetime | None], bool], empty: Callable[[str], int], now: datetime | None
) -> int:
    """Empty all channels, each in a thread of its own; look again for as long as one of them is busy.

    Args:
        has_work: whether anything is due over a channel.
        empty: sends what is due over a channel; answers how much it was.
        now: the instant to act at instead of the clock's.
    Returns:
        the sum of the answers.
    """
    # The context's own object: a thread outlives what `current_app` stands for here.
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
    # A thread for each channel; several where each address may be on another host.
    threads = [name for name in CONNECTORS for _thread in range(catalog.CHANNELS[name].threads)]
    busy: dict[int, Future[int]] = {}
    ready_at = dict.fromkeys(range(len(threads)), 0.0)
    done = 0

    def work(channel: str) -> int:
        with app.app_context():
            return empty(channel)

    with ThreadPoolExecutor(len(threads), thread_name_prefix="lane") as pool:
        while True:
            scheduled.show_scheduled(now or utc_now())
            scheduled.unsnooze_due(now or utc_now())
            waiting = {channel for channel in threads if has_work(channel, now)}
            for lane, channel in enumerate(threads):
                if channel in waiting and lane not in busy and ready_at[lane] <= time.monotonic():
                    busy[lane] = pool.submit(work, channel)
            if not busy:
                return done
            wait(busy.values(), timeout=PATIENCE, return_when=FIRST_COMPLETED)
            for lane in [lane for lane, future in busy.items() if future.done()]:
                sent = busy.pop(lane).result()
                done += sent
                # What is due may be in another lane's hands by now: no use in asking at once again.
                ready_at[lane] = 0.0 if sent else time.monotonic() + PATIENCE

"""Two calls that wait for each other's locks on PostgreSQL, or would."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from app.database.base import db

WAITING = text("SELECT count(*) FROM pg_locks WHERE NOT granted")


def wait_until_blocked(count: int = 1) -> None:
    """Wait until transactions wait for locks; at most a second, because they may end without."""
    ends_at = time.monotonic() + 1
    with db.engine.connect() as connection:
        while connection.scalar(WAITING) < count and time.monotonic() < ends_at:
            time.sleep(0.01)


def run_in_between(
    app: Flask,
    monkeypatch: pytest.MonkeyPatch,
    place: tuple[Any, str],
    first: Callable[[], object],
    second: Callable[[], object],
    *,
    is_before: bool = False,
) -> None:
    """Run two calls in two threads; fails with what they raise, such as a deadlock.

    Args:
        place: a function, by its module and name. When the first call has called it, the second one begins; the first
            goes on when that waits for a lock.
        is_before: when it is about to call it instead.
    """
    module, name = place
    call, has_begun = getattr(module, name), threading.Event()

    def let_second_begin() -> None:
        if not has_begun.is_set():
            has_begun.set()
            wait_until_blocked()

    def call_and_wait(*arguments: Any, **more: Any) -> Any:
        if is_before:
            let_second_begin()
        result = call(*arguments, **more)
        let_second_begin()
        return result

    def run(act: Callable[[], object], *, is_second: bool) -> None:
        assert not is_second or has_begun.wait(10)
        with app.app_context():
            act()

    monkeypatch.setattr(module, name, call_and_wait)
    with ThreadPoolExecutor(2) as callers:
        runs = [callers.submit(run, first, is_second=False), callers.submit(run, second, is_second=True)]
    for each in runs:
        each.result()

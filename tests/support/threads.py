"""Run a function in several threads at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from flask import Flask


def run_at_once(app: Flask, call: Callable[[], Any], *, times: int = 4) -> list[Any]:
    """Call a function in several threads at once, each with its own application context.

    Returns:
        What the calls returned. Fails if one of them raised.
    """
    results: list[Any] = []
    failures: list[Exception] = []

    def run() -> None:
        with app.app_context():
            try:
                results.append(call())
            except Exception as error:  # noqa: BLE001 (handed to the test)
                failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    return results

"""Limits how long a process takes to stop, whatever a mail server does."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

# Supervisors wait ten seconds or more. Others take over what is not done by then, once its lease has ended.
SECONDS = 8.0


def exit_after(seconds: float, before: Callable[[], None] = lambda: None) -> None:
    """Exit the process after this many seconds, unless it has ended before.

    Args:
        before: called first.
    """

    def end() -> None:
        before()
        os._exit(0)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()

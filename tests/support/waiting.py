"""Wait for something that happens in another thread, process or browser."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Return as soon as the condition is true; fail if that takes too long."""
    ends_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends_at, f"the condition was not met within {seconds} seconds"
        time.sleep(0.02)

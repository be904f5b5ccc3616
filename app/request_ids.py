"""The id of the request that is being handled, in logs and in the messages of the broker that it leads to.

A proxy may give it in `X-Request-ID`; otherwise it is made when something first asks for it.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from flask import g, has_request_context, request

_VALID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
# Of the requests that led to the task that this process of a worker runs.
_of_task: ContextVar[str] = ContextVar("request ids of a task", default="")


def current() -> str:
    """Return the id of the request, or those that led to the task; empty outside of both."""
    if has_request_context():
        if "request_id" not in g:
            given = request.headers.get("X-Request-ID", "")
            g.request_id = given if _VALID.fullmatch(given) else secrets.token_hex(8)
        return str(g.request_id)
    return _of_task.get()


@contextmanager
def of_task(ids: str) -> Iterator[None]:
    """Use these ids while the block runs."""
    token = _of_task.set(ids)
    try:
        yield
    finally:
        _of_task.reset(token)

"""Computes what several parts of a page show once for all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from flask import request

Value = TypeVar("Value")


def once_per_request(compute: Callable[[], Value]) -> Value:
    """Return what a function without arguments returned when it was first called in this request."""
    kept = request.environ
    name = f"bellhop.{compute.__module__}.{compute.__qualname__}"
    if name not in kept:
        kept[name] = compute()
    return cast(Value, kept[name])

"""JSON. Each module is one noun with its blueprint; this page lists them."""

from __future__ import annotations

from apiflask import APIFlask


def register(app: APIFlask) -> None:
    """Add the calls under `/api/`, their sign-in and their errors."""

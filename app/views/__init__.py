"""HTML. Each module is one noun with its blueprint; this page lists them."""

from __future__ import annotations

from flask import Flask


def register(app: Flask) -> None:
    """Add every page, what they share, and the headers that every answer carries."""

"""The `flask` commands, one noun a file."""

from __future__ import annotations

from flask import Flask

from app.cli import tokens, users


def register(app: Flask) -> None:
    """Add the commands."""
    app.cli.add_command(users.users)
    app.cli.add_command(tokens.tokens)

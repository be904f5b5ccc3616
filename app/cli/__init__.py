"""The `flask` commands, one noun a file."""

from __future__ import annotations

from flask import Flask

from app.cli import backup, demo, doctor, jobs, sources, tokens, users


def register(app: Flask) -> None:
    """Add the commands."""
    app.cli.add_command(users.users)
    app.cli.add_command(tokens.tokens)
    app.cli.add_command(jobs.group)
    app.cli.add_command(jobs.scheduler)
    app.cli.add_command(jobs.worker)
    app.cli.add_command(demo.demo)
    app.cli.add_command(sources.sources)
    app.cli.add_command(doctor.doctor)
    app.cli.add_command(backup.backup)

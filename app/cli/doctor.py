"""`flask doctor`: what works, and what to fix."""

from __future__ import annotations

import sys

import click
from flask import current_app
from flask.cli import with_appcontext

from app.cli.commands import Command
from app.services.operations.doctor import examine


@click.command(cls=Command)
@with_appcontext
def doctor() -> None:
    """Check settings, data folder, database, mail server, Redis, message broker, address and schedule.

    Exit with 1 if something must be fixed. Warnings do not count.
    """
    has_errors = False
    for finding in examine(current_app.config, current_app.extensions["schedule"]):
        has_errors |= finding.is_error
        mark = "FIX" if finding.is_error else "warn" if finding.advice else "ok"
        click.echo(f"{mark:<5} {finding.subject}: {finding.detail}")
        if finding.advice:
            click.echo(f"      {finding.advice}")
    sys.exit(has_errors)

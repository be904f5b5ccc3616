"""`flask doctor`: what works, and what to fix."""

from __future__ import annotations

import sys

import click
from flask import current_app
from flask.cli import with_appcontext

from app.services.operations import health


@click.command()
@with_appcontext
def doctor() -> None:
    """Check configuration, database, mail server and Redis. Exit with 1 if something must be fixed."""
    findings = list(health.examine(current_app.config))
    for finding in findings:
        click.echo(f"{'FIX' if finding.advice else 'ok':<5} {finding.subject}: {finding.detail}")
        if finding.advice:
            click.echo(f"      {finding.advice}")
    sys.exit(any(finding.advice for finding in findings))

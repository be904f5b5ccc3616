"""`flask doctor`: what works here, and what to mend."""

from __future__ import annotations

import sys

import click
from flask import current_app
from flask.cli import with_appcontext

from app.services.operations import doctor as service


@click.command()
@with_appcontext
def doctor() -> None:
    """Check configuration, database, mail server and Redis; exit with 1 where something must be mended."""
    findings = list(service.examine(current_app.config))
    for finding in findings:
        click.echo(f"{'MEND' if finding.advice else 'ok':<5} {finding.subject}: {finding.detail}")
        if finding.advice:
            click.echo(f"      {finding.advice}")
    sys.exit(any(finding.advice for finding in findings))

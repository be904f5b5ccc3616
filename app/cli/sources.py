"""`flask sources …`: systems that call Bellhop."""

from __future__ import annotations

import click
from flask import current_app

from app.cli.commands import Group
from app.services.base.errors import Conflict
from app.services.sources import connections, trial

sources = Group("sources", help="Systems that call Bellhop.")


@sources.command("send-test")
@click.argument("kind", type=click.Choice(list(connections.LABELS)))
def send_test(kind: str) -> None:
    """Sign a test call of this system, receive it, and print the outcome. It notifies the first admin only.

    Every source of this system gets one. Exit with 1 if there is none, or a call fails.
    """
    found = [source for source in connections.all_sources() if source.kind == kind]
    if not found:
        raise click.ClickException(f"No {kind} source is connected. Connect one under Admin → Sources.")
    admin = trial.first_admin()
    if admin is None:
        raise click.ClickException("There is no active admin to notify.")
    has_failed = False
    for source in found:
        try:
            row = trial.send_test(source.id, admin, secret=current_app.config["SECRET_KEY"])
        except Conflict as error:
            raise click.ClickException(f"{source.name}: {error}") from error
        click.echo(f"{source.name}: {row.verdict} ({admin.email})")
        has_failed |= row.row.state != "mapped"
    if has_failed:
        raise click.ClickException("The test call reached no one.")

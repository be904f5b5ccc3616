"""`flask demo load`: demo data for a first start."""

from __future__ import annotations

import click
from flask import current_app
from flask.cli import AppGroup

from app.services.operations import demo as service

demo = AppGroup("demo", help="Demo data.")


@demo.command()
def load() -> None:
    """Load demo people and notifications into an empty database, unless BELLHOP_DEMO=0; say how to sign in."""
    if not current_app.config["BELLHOP_DEMO"]:
        return
    service.load()
    if service.is_loaded():
        click.echo(f"Demo sign-ins (password {service.PASSWORD}):")
        for email, name, role, _zone in service.PEOPLE:
            click.echo(f"  {email}  {name}, {role}")

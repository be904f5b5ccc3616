"""`flask demo load`: demo data for a first start, and how to get in."""

from __future__ import annotations

import click
from flask import current_app

from app.cli.commands import Group
from app.services.accounts import demo_people, first_admin
from app.services.operations import demo as service

demo = Group("demo", help="Demo data.")


@demo.command()
def load() -> None:
    """Load demo people and notifications into an empty database, if BELLHOP_DEMO is on. Print how to get in."""
    config = current_app.config
    if config["BELLHOP_DEMO"]:
        service.load()
    people = demo_people.list_enabled()
    if config["IS_PUBLIC"]:
        state = "The demo's accounts cannot sign in here" if people else "No demo data"
        click.echo(f"{state}: HOST or BASE_URL ({config['BASE_URL']}) lets others reach this server.")
    if not first_admin.has_accounts():
        click.echo("No accounts yet. Create the first admin at")
        click.echo(f"  {first_admin.make_setup_link(config['SECRET_KEY'], config['BASE_URL'])}")
    elif config["IS_PUBLIC"] and not demo_people.has_others():
        click.echo("Create an account: .venv/bin/flask users create EMAIL --name NAME --role admin")
    elif people and config["BELLHOP_DEMO"]:
        click.echo(f"Demo sign-ins (password {demo_people.PASSWORD}):")
        for email, name, role, _zone in demo_people.PEOPLE:
            if email in people:
                click.echo(f"  {email}  {name}, {role}")

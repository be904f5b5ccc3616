"""`flask users …`: accounts."""

from __future__ import annotations

import sys

import click

from app.catalog import ROLES
from app.cli.commands import Group
from app.services.accounts import users as account_users
from app.services.base.errors import Invalid

users = Group("users", help="People who can sign in.")


@users.command()
@click.argument("email")
@click.option("--name", required=True, help="The person's name.")
@click.option("--role", type=click.Choice(ROLES), default="recruiter", show_default=True)
@click.option("--password", help="Prompted for, or read from standard input, if left out.")
def create(email: str, name: str, role: str, password: str | None) -> None:
    """Add a person with a password."""
    if password is None:
        password = _ask()
    try:
        user = account_users.create_user(email, name, role=role, password=password)
    except Invalid as error:
        raise click.ClickException(" ".join(error.errors.values())) from error
    click.echo(f"{user.email} can sign in as {user.role}.")


def _ask() -> str:
    """Prompt for the password twice on a terminal, or read the first line of standard input."""
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")

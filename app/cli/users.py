"""`flask users …`: accounts."""

from __future__ import annotations

import sys

import click

from app.catalog import ROLES
from app.cli.commands import Group
from app.services.accounts import second_factor
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


@users.command()
@click.argument("email")
def reset_second_factor(email: str) -> None:
    """Turn off two-step sign-in of a person who has lost the phone, and sign them out everywhere."""
    user = account_users.by_email(email)
    if user is None:
        raise click.ClickException(f"No account has the email {email}.")
    if not second_factor.reset(user):
        raise click.ClickException(f"Two-step sign-in of {user.email} is off.")
    click.echo(f"{user.email} signs in with only the password now.")


def _ask() -> str:
    """Prompt for the password twice on a terminal, or read the first line of standard input."""
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")

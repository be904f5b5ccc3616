"""`flask tokens …`: bearer tokens for the API."""

from __future__ import annotations

import click

from app.cli.commands import Group
from app.services.accounts import tokens as service
from app.services.accounts import users
from app.services.base.errors import Invalid

tokens = Group("tokens", help="Bearer tokens of the API.")


@tokens.command()
@click.argument("email")
@click.option("--scopes", default="read,write", show_default=True, help="Out of read,write,events,admin.")
@click.option("--name", default="command line", show_default=True, help="What the token is for.")
@click.option("--days", type=int, help="After how many days it expires; never, if left out.")
def create(email: str, scopes: str, name: str, days: int | None) -> None:
    """Create a token for a person and print only the token on standard output."""
    user = users.by_email(email)
    if user is None:
        raise click.ClickException(f"No account has the email {email}.")
    wanted = [scope.strip() for scope in scopes.split(",") if scope.strip()]
    try:
        _token, text = service.create(user, name, wanted, days=days)
    except Invalid as error:
        raise click.ClickException(" ".join(error.errors.values())) from error
    click.echo(text)

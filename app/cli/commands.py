"""Commands that end with a sentence where the database is unavailable, instead of a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy.exc import SQLAlchemyError

from app.services.base import outages
from app.services.operations import migrations


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        if not outages.is_outage(error):
            raise
        raise click.ClickException(migrations.explain_outage(error)) from error


class Command(click.Command):
    """A command of its own, such as `flask worker`."""

    def invoke(self, ctx: click.Context) -> Any:
        with _explained():
            return super().invoke(ctx)


class Group(AppGroup):
    """A noun with commands, such as `flask users`."""

    def invoke(self, ctx: click.Context) -> Any:
        with _explained():
            return super().invoke(ctx)

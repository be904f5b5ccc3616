"""`flask backup …`: the whole installation in one file, and back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from app.cli.commands import Group
from app.services.operations import backups

backup = Group("backup", help="Backups: the database and the key in one file.")
PATH = click.argument("path", type=click.Path(path_type=Path))


@backup.command("create")
@PATH
def create(path: Path) -> None:
    """Write a verified backup to PATH while servers run. In a folder, the file is named after the time.

    Prints the path of the file.
    """
    with _explained():
        click.echo(backups.create(path))


@backup.command("verify")
@PATH
def verify(path: Path) -> None:
    """Check that PATH can be restored: checksums, and the database inside."""
    with _explained():
        click.echo(f"{backups.verify(path)} It is complete.")


@backup.command("restore")
@PATH
def restore(path: Path) -> None:
    """Restore PATH into an empty database, with the key. Then start bin/serve, which migrates it."""
    with _explained():
        manifest = backups.restore(path)
        click.echo(f"{manifest} Restored: {backups.describe_content()}.")


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except backups.BackupError as error:
        raise click.ClickException(str(error)) from error

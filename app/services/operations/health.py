"""Whether this process can do its work."""

from __future__ import annotations

from functools import cache

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app
from flask_babel import gettext as _
from sqlalchemy.exc import SQLAlchemyError

from app.database.base import db


def trouble() -> str | None:
    """What keeps the process from working, as a sentence; None when nothing does."""
    try:
        with db.engine.connect() as connection:
            present = MigrationContext.configure(connection).get_current_heads()
    except SQLAlchemyError:
        return _("The database does not answer.")
    if set(present) != _heads(current_app.extensions["migrate"].directory):
        return _("The database is not migrated to this version: run flask db upgrade.")
    return None


@cache
def _heads(directory: str) -> set[str]:
    """The newest migrations that this code knows; read once, for they come with the code."""
    return set(ScriptDirectory(directory).get_heads())

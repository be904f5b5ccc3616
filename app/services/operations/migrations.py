"""Compares the database's migrations with those of this code."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cache

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app
from flask_babel import gettext as _
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from app.database.base import db

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SchemaVersion:
    """The last migration of the database, and that of this code."""

    database: str
    code: str
    is_known: bool

    @property
    def is_current(self) -> bool:
        return self.database == self.code

    @property
    def is_ahead(self) -> bool:
        """Whether newer code has migrated the database. Our migrations are numbered, so numbers can be compared."""
        is_number = self.database.isdigit() and self.code.isdigit()
        return not self.is_known and is_number and int(self.database) > int(self.code)

    @property
    def advice(self) -> str:
        """The advice for a database of another version; empty if it is current."""
        if self.is_current:
            return ""
        if self.is_ahead:
            return _(
                "Run the newer version again. To go back, run with the newer version: flask db downgrade %(code)s. "
                "Or restore a backup that was made before the upgrade.",
                code=self.code,
            )
        if not self.is_known:
            return _("Check DATABASE_URL, or restore a backup: this version does not know that migration.")
        return _("Run: flask db upgrade")

    def __str__(self) -> str:
        if self.is_current:
            return _("The database is migrated (%(code)s).", code=self.code)
        if self.is_ahead:
            return _(
                "The database (%(database)s) is newer than this version of Bellhop (%(code)s).",
                database=self.database,
                code=self.code,
            )
        if not self.is_known:
            return _(
                "The database has the migration %(database)s, which this version of Bellhop (%(code)s) does not know.",
                database=self.database,
                code=self.code,
            )
        return _(
            "Migrations are out of date: the database has %(database)s, this version of Bellhop needs %(code)s.",
            database=self.database or _("none"),
            code=self.code,
        )


def schema_version(connection: Connection | None = None, directory: str = "") -> SchemaVersion:
    """Read the version of the database.

    Args:
        connection: by default, a new one.
        directory: the folder of the migrations; by default, the application's.
    Raises:
        SQLAlchemyError: the database does not answer.
    """
    directory = directory or current_app.extensions["migrate"].directory
    if connection is None:
        with db.engine.connect() as new:
            return schema_version(new, directory)
    database = ",".join(sorted(MigrationContext.configure(connection).get_current_heads()))
    known = _revisions(directory)
    return SchemaVersion(database, known[0], is_known=not database or database in known)


def warn_of_newer_database(version: SchemaVersion) -> None:
    """Log that newer code has migrated the database, once for each of its versions."""
    _log_once(str(version), version.advice)


def explain_outage(error: SQLAlchemyError) -> str:
    """Say in one sentence what is wrong with the database, and what to do."""
    cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
    lowered = cause.lower()
    for sign, advice in (
        ("readonly", _("Let the user of Bellhop write to the database file and its folder.")),
        ("unable to open", _("Let the user of Bellhop write to the database file and its folder.")),
        ("full", _("Free some disk space, then run it again.")),
        ("locked", _("Another process is writing. Run it again in a moment.")),
        (
            "not a database",
            _("DATABASE_URL names a file that is not a database, or is damaged. Restore a backup."),
        ),
        ("malformed", _("The file is damaged. Restore a backup.")),
        ("no such table", _("Run: flask db upgrade")),
        ("does not exist", _("Run: flask db upgrade. If the database itself is missing, create it first.")),
        ("authentication", _("Check the user name and password in DATABASE_URL.")),
    ):
        if sign in lowered:
            return _(
                "The database is unavailable: %(cause)s. %(advice)s", cause=cause.rstrip("."), advice=advice
            )
    advice = _("Check DATABASE_URL and that the server is running.")
    return _("The database is unavailable: %(cause)s. %(advice)s", cause=cause.rstrip("."), advice=advice)


@cache
def _revisions(directory: str) -> tuple[str, ...]:
    """List the migrations of this code, newest first. Read once, because they change only with the code."""
    return tuple(script.revision for script in ScriptDirectory(directory).walk_revisions())


@cache
def _log_once(state: str, advice: str) -> None:
    log.warning("%s %s", state, advice)

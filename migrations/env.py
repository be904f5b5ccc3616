"""Runs the migrations on the application's own engine.

Each migration is one transaction with its version number on PostgreSQL, all of them are one on SQLite: killed, an
upgrade leaves nothing half done and runs again. A second server that starts meanwhile waits, and finds nothing to do.
"""

import random
import time

from alembic import context
from alembic.util import CommandError
from sqlalchemy import JSON, Connection
from sqlalchemy.exc import OperationalError, SQLAlchemyError

import app.models  # noqa: F401  (fills the metadata)
from app.database.base import UTCDateTime, db
from app.services.base import outages
from app.services.operations.migrations import explain_outage, schema_version

# Any number; it only has to be the same in every process that migrates.
LOCK = 20201122
# SQLSTATEs of a lock that was not free in time and of a deadlock, and for how many seconds to try again.
IN_USE, PATIENCE = {"55P03", "40P01"}, 120


def open_sqlite(connection: Connection) -> None:
    """Begin by hand, ahead of the driver, with what only holds for a migration."""
    connection.detach()  # So the settings below end with this connection.
    driver = connection.connection.dbapi_connection
    driver.execute("PRAGMA busy_timeout = 60000")
    # Changing a table means rebuilding it: dropping the old one must not cascade into those that refer to it.
    driver.execute("PRAGMA foreign_keys = OFF")
    driver.execute("BEGIN IMMEDIATE")


def after_each(ctx, step, **_kwargs: object) -> None:
    """Look for rows left without what they refer to, which SQLite did not check; then say what was done."""
    script = step.up_revision
    if ctx.dialect.name == "sqlite":
        orphan = ctx.connection.exec_driver_sql("PRAGMA foreign_key_check").first()
        if orphan:
            raise RuntimeError(f"{script.revision} would leave a row that refers to nothing: {tuple(orphan)}")
    done = "Migrated to" if step.is_upgrade else "Took back"
    context.config.print_stdout("%s %s: %s", done, script.revision, script.doc)


def in_plain_words(kind: str, item: object, autogen) -> str | bool:
    """Write the application's types as SQLAlchemy's: old migrations outlive changes of the application."""
    if kind == "type" and isinstance(item, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, JSON):
        autogen.imports.add("from sqlalchemy.dialects import postgresql")
        return 'sa.JSON().with_variant(postgresql.JSONB(), "postgresql")'
    return False


def is_modelled(name: str | None, kind: str, _parents: object) -> bool:
    """Leave the full-text index out of the comparison: it has no model, and triggers fill it."""
    return not (kind == "table" and name and name.startswith("notification_search"))


def drop_empty(_context: object, _revision: object, directives: list) -> None:
    """Write no file when `flask db migrate` finds that models and tables agree."""
    if getattr(context.config.cmd_opts, "autogenerate", False) and directives[0].upgrade_ops.is_empty():
        directives.clear()


def open_postgresql(connection: Connection) -> None:
    """Wait for other migrations for as long as it takes, but only briefly for a table that servers use.

    While a migration waits for a table, everyone who comes later waits behind it. It gives up before PostgreSQL looks
    for deadlocks (1 s), so no request is chosen as the victim.
    """
    connection.detach()  # So the settings below end with this connection.
    for statement in (
        "SET statement_timeout = 0",
        "SET lock_timeout = 0",
        f"SELECT pg_advisory_lock({LOCK})",
        "SET lock_timeout = '500ms'",
    ):
        connection.exec_driver_sql(statement)
    connection.commit()


def refuse_newer_database(connection: Connection) -> None:
    """Say what to do about a database of newer code, of which Alembic only says that it finds no script."""
    version = schema_version(connection, context.script.dir)
    connection.rollback()
    if not version.is_known:
        raise CommandError(f"{version} {version.advice}")


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=db.metadata,
        render_as_batch=True,
        transactional_ddl=True,
        transaction_per_migration=connection.dialect.name == "postgresql",
        compare_server_default=True,
        render_item=in_plain_words,
        include_name=is_modelled,
        process_revision_directives=drop_empty,
        on_version_apply=after_each,
    )
    with context.begin_transaction():
        context.run_migrations()


def run_between_requests(connection: Connection) -> None:
    """Run the migrations, each in its own transaction, and wait with one whose tables are in use."""
    ends_at = time.monotonic() + PATIENCE
    while True:
        try:
            return run(connection)
        except OperationalError as error:
            connection.rollback()
            if getattr(error.orig, "sqlstate", "") not in IN_USE or time.monotonic() > ends_at:
                raise
            time.sleep(random.uniform(0.2, 1))  # noqa: S311  # Not for secrets.


def migrate() -> None:
    if context.is_offline_mode():
        raise SystemExit("Migrations look at the database they change: run flask db upgrade without --sql.")
    try:
        with db.engine.connect() as connection:
            refuse_newer_database(connection)
            if connection.dialect.name == "sqlite":
                open_sqlite(connection)
                run(connection)
            else:
                open_postgresql(connection)
                run_between_requests(connection)
    except SQLAlchemyError as error:
        if not outages.is_outage(error):
            raise
        raise CommandError(explain_outage(error)) from error


migrate()

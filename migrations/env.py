"""Runs the migrations on the application's own engine.

One upgrade is one transaction, DDL and version numbers together, on SQLite as on PostgreSQL: killed, it
leaves nothing behind and runs again. A second server that starts meanwhile waits, and finds nothing to do.
"""

from alembic import context
from sqlalchemy import JSON, Connection, text

import app.models  # noqa: F401  (fills the metadata)
from app.database.base import UTCDateTime, db

# Any number; it only has to be the same in every process that migrates.
LOCK = 20201122


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


def migrate() -> None:
    if context.is_offline_mode():
        raise SystemExit("Migrations look at the database they change: run flask db upgrade without --sql.")
    with db.engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=db.metadata,
            render_as_batch=True,
            transactional_ddl=True,
            compare_server_default=True,
            render_item=in_plain_words,
            include_name=is_modelled,
            process_revision_directives=drop_empty,
            on_version_apply=after_each,
        )
        if connection.dialect.name == "sqlite":
            open_sqlite(connection)
        with context.begin_transaction():
            if connection.dialect.name == "postgresql":
                # The limits of requests do not apply to a migration.
                connection.execute(text("SET LOCAL statement_timeout = 0"))
                connection.execute(text("SET LOCAL lock_timeout = 0"))
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
            context.run_migrations()


migrate()

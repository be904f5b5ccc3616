"""Extensions, unbound; `create_app` binds them. The database recipe lives here too."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from typing import Any

from flask import Flask, Request, Response
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask_babel import Babel
from flask_login import LoginManager
from flask_mail import Mail
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session
from flask_wtf import CSRFProtect
from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Integer, MetaData, event
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.engine.interfaces import DBAPIConnection, ExecutionContext
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import DeclarativeBase, registry
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeDecorator


class UTCDateTime(TypeDecorator[datetime]):
    """An aware instant, kept in UTC; SQLite stores it without an offset, PostgreSQL with one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is not UTC:
            if value.tzinfo is None:
                raise ValueError(f"{value!r} has no time zone: pass an aware datetime")
            value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# SQLite numbers rows by itself only in a column declared exactly INTEGER.
Id = BigInteger().with_variant(Integer(), "sqlite")
JSONType = JSON().with_variant(JSONB(), "postgresql")


class Base(DeclarativeBase):
    """What every model shares: how Python types become columns, how constraints are named."""

    # Given as a registry: Flask-SQLAlchemy derives from this class, and a second type map is refused.
    registry = registry(
        metadata=MetaData(
            naming_convention={
                "ix": "ix_%(table_name)s_%(column_0_N_name)s",
                "uq": "uq_%(table_name)s_%(column_0_N_name)s",
                "fk": "fk_%(table_name)s_%(column_0_N_name)s",
                "pk": "pk_%(table_name)s",
            }
        ),
        type_annotation_map={
            datetime: UTCDateTime(),
            dict[str, Any]: JSONType,
            list[str]: JSONType,
            list[int]: JSONType,
        },
    )


class JoiningSession(Session):
    """A session that, made with `bind=` a connection, works in the transaction that is open there."""

    def get_bind(self, *args: Any, **kwargs: Any) -> Engine | Connection:
        return self.bind or super().get_bind(*args, **kwargs)


class SessionLogin(LoginManager):
    """Flask-Login without its "remember me" cookie: looking for it opened the session in each call of each script."""

    def _update_remember_cookie(self, response: Response) -> Response:
        return response


# Objects stay readable after a commit: a service commits once and hands back what it made.
db = SQLAlchemy(
    model_class=Base,
    disable_autonaming=True,
    session_options={"class_": JoiningSession, "expire_on_commit": False},
)
migrate = Migrate(render_as_batch=True)
login: LoginManager = SessionLogin()  # type: ignore[no-untyped-call]  # Flask-Login has no types.
mail = Mail()
csrf = CSRFProtect()
babel = Babel()


@event.listens_for(Engine, "connect")
def _prepare_sqlite(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    if not isinstance(connection, sqlite3.Connection):
        return
    connection.isolation_level = None  # The driver's own BEGIN comes too late and too weak; see below.
    connection.execute("PRAGMA busy_timeout = 5000")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    # 80 MB: moving pages from the log into the file costs whoever does it as much as what they wrote; do it seldom.
    connection.execute("PRAGMA wal_autocheckpoint = 20000")


BEGIN = "BEGIN IMMEDIATE"


@event.listens_for(Engine, "before_cursor_execute")
def _begin_before_first_write(
    conn: Connection,
    _cursor: Any,
    statement: str,
    _parameters: Any,
    context: ExecutionContext | None,
    _many: bool,
) -> None:
    """SQLite: reads run in autocommit, the first write opens an immediate transaction.

    A deferred transaction that read first cannot wait for the lock when it comes to write; it fails at once.
    """
    driver = conn.connection.dbapi_connection
    if not isinstance(driver, sqlite3.Connection) or driver.in_transaction:
        return
    writes = context is not None and (context.isinsert or context.isupdate or context.isdelete)
    if writes or statement.lstrip()[:6].upper() not in {"SELECT", "PRAGMA", "EXPLAI", "WITH R", "VACUUM"}:
        begin_writing(conn)


def lock_for_writing() -> None:
    """Take SQLite's write lock now, for a service that must read, decide and write without a gap.

    PostgreSQL needs nothing: there the rows that matter are read with FOR UPDATE.
    """
    begin_writing(db.session.connection())


def begin_writing(connection: Connection) -> None:
    """The same for a connection that is at hand."""
    driver = connection.connection.dbapi_connection
    if isinstance(driver, sqlite3.Connection) and not driver.in_transaction:
        try:
            driver.execute(BEGIN)
        except sqlite3.OperationalError as error:  # Locked for too long.
            raise OperationalError(BEGIN, None, error) from error


class Sessions(SecureCookieSessionInterface):
    """Flask's own sessions, without any work for a caller who sends no cookie and gets none: scripts never do."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if "HTTP_COOKIE" not in request.environ:
            return self.session_class()
        return super().open_session(app, request)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if session or session.accessed or session.modified:
            super().save_session(app, session, response)


def init_app(app: Flask) -> None:
    """Bind every extension to an application."""
    app.session_interface = Sessions()
    db.init_app(app)
    migrate.init_app(app, db)
    login.init_app(app)
    mail.init_app(app)
    csrf.init_app(app)

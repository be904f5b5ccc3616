"""The declarative base, its column types and the session."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from json import JSONDecoder, JSONEncoder
from typing import Any

from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session
from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Index, Integer, MetaData, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.orm import DeclarativeBase, registry
from sqlalchemy.types import TypeDecorator


class UTCDateTime(TypeDecorator[datetime]):
    """An aware datetime, stored in UTC: without an offset on SQLite, with one on PostgreSQL."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        value = in_utc(value)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any] | None:
        """Format instants for SQLite in one step: SQLAlchemy takes four, and an event binds sixteen."""
        return _sqlite_text if dialect.name == "sqlite" else super().bind_processor(dialect)

    def result_processor(self, dialect: Dialect, coltype: Any) -> Callable[[Any], Any] | None:
        """Parse instants from SQLite in one step; those of PostgreSQL are in UTC, see `postgresql`."""
        return _from_sqlite_text if dialect.name == "sqlite" else None


def in_utc(value: datetime) -> datetime:
    """Return an instant in UTC. Raises ValueError: it has no time zone."""
    if value.tzinfo is UTC:
        return value
    if value.tzinfo is None:
        raise ValueError(f"{value!r} has no time zone: pass an aware datetime")
    return value.astimezone(UTC)


def _sqlite_text(value: datetime | None) -> str | None:
    """Format an instant as SQLAlchemy's type for SQLite does."""
    return None if value is None else in_utc(value).isoformat(" ", "microseconds").removesuffix("+00:00")


def _from_sqlite_text(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(f"{text}+00:00")


# SQLite only autoincrements a column declared exactly INTEGER.
Id = BigInteger().with_variant(Integer(), "sqlite")
JSONType = JSON().with_variant(JSONB(), "postgresql")


def partial_index(name: str, *columns: str, where: str) -> Index:
    """Build an index of only the rows that match `where`."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


class Base(DeclarativeBase):
    """Base class of the models: maps Python types to columns and names constraints."""

    # As a registry, because Flask-SQLAlchemy derives from this class and a second type map is an error.
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
    """A session that can be bound to a connection, to work in the transaction that is open there."""

    def get_bind(self, *args: Any, **kwargs: Any) -> Engine | Connection:
        return self.bind or super().get_bind(*args, **kwargs)


# Raises ValueError for what JSON has no number for: NaN and infinities.
dump_json = JSONEncoder(allow_nan=False).encode
_DECODE_JSON = JSONDecoder().raw_decode


def _load_json(value: str | bytes) -> Any:
    """Parse JSON that Bellhop wrote, without looking for spaces and the encoding as `json.loads` does.

    Raises TypeError: SQLite has returned a number, which SQLAlchemy then takes as it is.
    """
    return _DECODE_JSON(value if isinstance(value, str) else bytes.decode(value))[0]


# Not expired on commit, because services commit and then return the objects they made.
db = SQLAlchemy(
    model_class=Base,
    disable_autonaming=True,
    engine_options={"json_serializer": dump_json, "json_deserializer": _load_json},
    session_options={"class_": JoiningSession, "expire_on_commit": False},
)

"""The declarative base, its column types, and the session that every model and query shares."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session
from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Integer, MetaData
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.orm import DeclarativeBase, registry
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


# Objects stay readable after a commit: a service commits once and hands back what it made.
db = SQLAlchemy(
    model_class=Base,
    disable_autonaming=True,
    session_options={"class_": JoiningSession, "expire_on_commit": False},
)

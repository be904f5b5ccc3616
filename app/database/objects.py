"""Makes model objects of what a compiled statement has read, for those that nearly every request or email needs.

The session takes 300 µs to load one object; `load` takes 30, and the object is in the session as if loaded there.
`make` takes 2, but no session knows the object.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Sequence
from typing import Any, Generic, TypeVar, cast

from sqlalchemy import JSON, inspect
from sqlalchemy.orm import make_transient_to_detached

from app.database.base import Base, db

Model = TypeVar("Model", bound=Base)


class ModelColumns(Generic[Model]):
    """The columns of a model in a statement, and its objects. The model's primary key is one column.

    Args:
        without: the names of columns that are not read.
    Attributes:
        columns: to be selected next to each other. They are labelled, because other tables have some of the names.
    """

    def __init__(self, model: type[Model], without: Collection[str] = ()) -> None:
        self._model, self._mapper = model, inspect(model)
        # Deferred ones are loaded when they are asked for, as always.
        self._names = [
            column.key
            for column in self._mapper.column_attrs
            if not column.deferred and column.key not in without
        ]
        self._json = [name for name in self._names if isinstance(self._mapper.columns[name].type, JSON)]
        self._key = self._names.index(self._mapper.primary_key[0].name)
        self._plain: type[Model] = _plain_class(model)
        self.columns = [getattr(model, name).label(f"{model.__tablename__}_{name}") for name in self._names]

    def load(self, values: Sequence[Any]) -> Model | None:
        """Return the session's object of a row; None if an outer join found none.

        An object that the session already has is returned as it is, as the session does it.
        """
        key = values[self._key]
        if key is None:
            return None
        session = db.session()
        known = session.identity_map.get(self._mapper.identity_key_from_primary_key((key,)))
        if known is not None:
            return cast(Model, known)
        made = self._model()
        made.__dict__.update(zip(self._names, values, strict=True))
        for name in self._json:
            # The row may be remembered, and its next object must not see what was changed in this one. Lists are flat.
            value = made.__dict__[name]
            made.__dict__[name] = value.copy() if isinstance(value, list) else copy.deepcopy(value)
        make_transient_to_detached(made)
        session.add(made)
        return made

    def make(self, values: Sequence[Any]) -> Model | None:
        """Return an object of a row for reading only; None if an outer join found none.

        No session knows it: asking for what was not read and not set afterwards raises AttributeError.
        """
        if values[self._key] is None:
            return None
        made = self._plain.__new__(self._plain)
        vars(made).update(zip(self._names, values, strict=True))
        return made


class _NotRead:
    """Stands for a value that an object does not have."""

    def __get__(self, made: object, _model: type) -> Any:
        raise AttributeError("this was not read from the database")


def _plain_class(model: type[Model]) -> Any:
    """Return a subclass with plain attributes: those of SQLAlchemy take ten times as long, and an email reads 130."""
    unread = dict.fromkeys(inspect(model).attrs.keys(), _NotRead())
    return type(model.__name__, (model,), {"__abstract__": True, **unread})

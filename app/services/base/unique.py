"""Turns a taken unique key into an error of its field."""

from __future__ import annotations

from sqlalchemy.exc import IntegrityError

from app.database.base import db
from app.services.base.errors import Invalid


def flush_unique(field: str, message: str) -> None:
    """Insert the new rows of the session, one of which has a unique key that may be taken.

    Raises:
        Invalid: the key is taken; keyed `field`. The transaction is rolled back.
    """
    try:
        db.session.flush()
    except IntegrityError as error:
        db.session.rollback()
        raise Invalid({field: message}) from error

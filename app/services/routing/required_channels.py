"""What reaches everyone over a channel, whatever they have switched off: set by admins, with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

from flask_babel import gettext as _
from sqlalchemy import select

from app import catalog
from app.database.base import Base, db
from app.database.compiled import CompiledStatement
from app.database.sqlite import lock_for_writing
from app.models import PreferenceLock, User
from app.services.base import audit, validation
from app.services.base.errors import Invalid

# Why, keyed by category and channel.
RequiredChannels = Mapping[tuple[str, str], str]
_ORDER = {cell: place for place, cell in enumerate(product(catalog.CATEGORIES, catalog.CHANNELS))}
_LOCKS = Base.metadata.tables["preference_locks"]
_ALL = CompiledStatement(select(_LOCKS.c.category, _LOCKS.c.channel, _LOCKS.c.reason))


def current_requirements() -> RequiredChannels:
    """What is locked now, and why."""
    locks = {(row.category, row.channel): row.reason for row in _ALL.fetch()}
    return dict(sorted(locks.items(), key=lambda lock: _ORDER[lock[0]]))


def require(category: str, channel: str, reason: str, *, actor: User) -> None:
    """Let a category reach everyone over a channel, from the next notification on. Again: gives another reason.

    Args:
        reason: what people read beside the switch that they can no longer turn.
    Raises:
        Invalid: keyed `category`, `channel` or `reason`.
    """
    errors = {}
    if category not in catalog.CATEGORIES:
        errors["category"] = _("Choose a kind of notification.")
    validation.collect(errors, "channel", validation.channels, [channel])
    try:
        reason = validation.text(reason, most=300)
    except validation.InvalidValue as error:
        errors["reason"] = str(error)
    else:
        if not reason:
            errors["reason"] = _("Say why: people read it beside the switch.")
    if errors:
        raise Invalid(errors)
    lock_for_writing()
    db.session.merge(PreferenceLock(category=category, channel=channel, reason=reason))
    audit.record("preference.locked", f"{category}.{channel}", actor=actor, reason=reason)
    db.session.commit()


def release(category: str, channel: str, *, actor: User) -> str:
    """Leave it to everybody's own choice again; what they had chosen holds.

    Returns:
        the reason that was given for the lock; "" where there was none.
    """
    lock_for_writing()
    found = db.session.get(PreferenceLock, (category, channel), with_for_update=True)
    if found is not None:
        db.session.delete(found)
        audit.record("preference.unlocked", f"{category}.{channel}", actor=actor, reason=found.reason)
    db.session.commit()
    return found.reason if found else ""

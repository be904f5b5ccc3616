"""Channels that admins require for a category: everyone gets it there, whatever their preferences say.

The table is called `preference_locks`.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

from flask_babel import gettext as _
from sqlalchemy import exists, select

from app import catalog
from app.database.base import Base, db
from app.database.compiled import CompiledStatement
from app.database.writing import upsert, writing
from app.models import PreferenceLock, User
from app.services.base import audit, validation
from app.services.base.errors import Invalid

# The reason, by category and channel.
RequiredChannels = Mapping[tuple[str, str], str]
_ORDER = {cell: position for position, cell in enumerate(product(catalog.CATEGORIES, catalog.CHANNELS))}
_TABLE = Base.metadata.tables["preference_locks"]
# A column of a statement that each event runs anyway, because most installations require no channel.
HAS_REQUIREMENTS = exists(select(_TABLE.c.category)).label("has_requirements")
_ALL = CompiledStatement(select(_TABLE.c.category, _TABLE.c.channel, _TABLE.c.reason))


def current_requirements() -> RequiredChannels:
    """Return the required channels with their reasons, in the catalog's order."""
    reasons = {(row.category, row.channel): row.reason for row in _ALL.fetch()}
    return dict(sorted(reasons.items(), key=lambda requirement: _ORDER[requirement[0]]))


def require(category: str, channel: str, reason: str, *, actor: User) -> None:
    """Require a channel for a category, from the next notification on; a second call changes the reason.

    Args:
        reason: shown to people beside the switch that they cannot turn off.
    Raises:
        Invalid: keyed `category`, `channel` or `reason`.
    """
    errors = {}
    if category not in catalog.CATEGORIES:
        errors["category"] = _("Choose a category.")
    if channel not in catalog.CHANNELS:
        errors["channel"] = _("Choose a channel.")
    try:
        reason = validation.text(reason, most=300)
    except validation.InvalidValue as error:
        errors["reason"] = str(error)
    else:
        if not reason:
            errors["reason"] = _("Enter a reason. People read it beside the switch.")
    if errors:
        raise Invalid(errors)
    with writing():
        row = upsert(PreferenceLock).values(category=category, channel=channel, reason=reason)
        key = ["category", "channel"]
        db.session.execute(row.on_conflict_do_update(index_elements=key, set_={"reason": reason}))
        audit.record("preference.locked", f"{category}.{channel}", actor=actor, reason=reason)


def release(category: str, channel: str, *, actor: User) -> str:
    """Stop requiring a channel for a category: people's own preferences apply again.

    Returns:
        the reason for which it was required; "" if it was not.
    """
    with writing(lock=PreferenceLock, row_id=(category, channel)) as requirement:
        if requirement is None:
            return ""
        db.session.delete(requirement)
        audit.record("preference.unlocked", f"{category}.{channel}", actor=actor, reason=requirement.reason)
    return requirement.reason

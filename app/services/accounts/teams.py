"""A user's Microsoft Teams address: a Workflows webhook that posts their notifications to a chat."""

from __future__ import annotations

from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import select

from app.channels import safe_http
from app.clock import utc_now
from app.database.base import db
from app.database.writing import writing
from app.models import Delivery, TeamsAddress, User
from app.services.accounts import direct_messages, notices, users
from app.services.base import audit, secret_addresses
from app.services.base.errors import Conflict, Invalid, NotFound
from app.services.base.validation import InvalidValue


def find(user: User) -> TeamsAddress | None:
    """Return a user's address as it is now; None if there is none."""
    own = select(TeamsAddress).where(TeamsAddress.user_id == user.id)
    return db.session.scalar(own.execution_options(populate_existing=True))


def set_address(user: User, url: str, *, secret: str, now: datetime | None = None) -> TeamsAddress:
    """Set a user's address, in place of the one before, and turn the channel on.

    Args:
        secret: the application's key.
    Raises:
        Invalid: keyed `teams_url`.
    """
    now = now or utc_now()
    try:
        url = secret_addresses.public_url(url)
    except InvalidValue as error:
        raise Invalid({"teams_url": str(error)}) from error
    with writing():
        user = users.get_for_update(user.id)
        row = find(user) or TeamsAddress(user_id=user.id, created_at=now)
        row.encrypted_address = secret_addresses.encrypt(url, secret)
        row.shown_address = secret_addresses.shorten(url)
        row.enable()
        db.session.add(row)
        user.preference.teams_enabled = True
        host = safe_http.parse_url(url).hostname or ""
        audit.record("teams.set", user.email, actor=user, host=host)
        notices.queue_webhook_notice(user, host, now)
    return row


def turn_on(user: User) -> None:
    """Turn a user's address on again. Raises NotFound."""
    with writing():
        user = users.get_for_update(user.id)
        _get(user).enable()
        audit.record("teams.switched_on", user.email, actor=user)


def remove(user: User) -> None:
    """Remove a user's address. Raises NotFound."""
    with writing():
        user = users.get_for_update(user.id)
        db.session.delete(_get(user))
        audit.record("teams.removed", user.email, actor=user)


def send_test(user: User) -> Delivery:
    """Queue a test message.

    Raises:
        NotFound: the user has no address.
        Conflict: it is turned off.
        LimitReached: the user sent many tests within a few minutes.
    """
    row = _get(user)
    if not row.is_enabled:
        raise Conflict(_("This address is off. Turn it on before you test it."))
    return direct_messages.queue_test(user, "teams", row.address)


def _get(user: User) -> TeamsAddress:
    row = find(user)
    if row is None:
        raise NotFound(_("Teams is not connected. It may have been removed."))
    return row

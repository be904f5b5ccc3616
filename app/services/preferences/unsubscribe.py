"""Unsubscribing from an email without signing in, with a signed link for one person and one scope (RFC 8058)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from flask_babel import gettext as _
from sqlalchemy import select

from app import catalog
from app.catalog import DAILY_DIGEST, DIGESTS
from app.clock import utc_now
from app.database.base import db
from app.database.writing import writing
from app.models import User, UserNotificationPreference
from app.services.base import audit, signed_links
from app.services.base.errors import NotFound
from app.services.routing import digest_coverage, required_channels

_PURPOSE = "unsubscribe"


@dataclass(frozen=True)
class Subscription:
    """One person's subscription to the emails of a scope: a category or a digest.

    `required_because` is the reason why an admin requires these emails for everyone. While there is one, they are sent
    even if `is_on` is False. `has_changed` means that this call turned them on or off.
    """

    user: User
    scope: str
    is_on: bool
    required_because: str = ""
    has_changed: bool = False

    @property
    def label(self) -> str:
        """The name of the scope, translated."""
        return str(
            catalog.TYPES[self.scope].label
            if self.scope in DIGESTS
            else catalog.CATEGORIES[self.scope].plural
        )


def unsubscribe_link(user: User, scope: str, secret: str, base_url: str) -> str:
    """Return the URL of the page where a person can unsubscribe, signed in or not. It does not expire."""
    token = signed_links.sign_permanent([user.id, scope], purpose=_PURPOSE, secret=secret)
    return f"{base_url}/unsubscribe/{token}"


def find(token: str, secret: str) -> Subscription:
    """Look up the subscription of a link. Changes nothing, because mail scanners follow links.

    Raises:
        NotFound: the link is incomplete or forged, or the account was deleted.
    """
    return _subscription(*_read(token, secret))


def stop(token: str, secret: str) -> Subscription:
    """Unsubscribe; a second call changes nothing.

    Raises:
        NotFound: as `find`.
    """
    return _switch(token, secret, is_on=False)


def resume(token: str, secret: str) -> Subscription:
    """Subscribe again.

    Raises:
        NotFound: as `find`.
    """
    return _switch(token, secret, is_on=True)


def _switch(token: str, secret: str, *, is_on: bool) -> Subscription:
    user, scope = _read(token, secret)
    with writing():
        query = select(UserNotificationPreference).where(UserNotificationPreference.user_id == user.id)
        preference = db.session.scalars(
            query.with_for_update().execution_options(populate_existing=True)
        ).one_or_none()
        has_changed = preference is not None and _is_on(preference, scope) != is_on
        if preference is not None and has_changed:
            if scope in DIGESTS:
                setattr(preference, scope, is_on)
            else:
                # A new dict, because SQLAlchemy does not notice a change inside the old one.
                cells = {**preference.matrix.get(scope, {}), "email": is_on}
                preference.matrix = {**preference.matrix, scope: cells}
            action = "mail.resumed" if is_on else "mail.stopped"
            audit.record(action, preference.user.email, actor=preference.user, scope=scope)
            if scope == DAILY_DIGEST:
                digest_coverage.release_uncovered(utc_now(), user=preference.user)
    return replace(_subscription(user, scope), has_changed=has_changed)


def _subscription(user: User, scope: str) -> Subscription:
    required_because = required_channels.current_requirements().get((scope, "email"), "")
    return Subscription(user, scope, _is_on(user.preference, scope), required_because)


def _is_on(preference: UserNotificationPreference, scope: str) -> bool:
    if scope in DIGESTS:
        return bool(getattr(preference, scope))
    return bool(preference.matrix.get(scope, {}).get("email", True))


def _read(token: str, secret: str) -> tuple[User, str]:
    user, scope = signed_links.read_of_person(token, purpose=_PURPOSE, secret=secret)
    if scope not in catalog.CATEGORIES and scope not in DIGESTS:
        raise NotFound(_("This email is no longer sent."))
    return user, scope

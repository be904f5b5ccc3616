"""Bearer tokens of the API: `bhp_`, 34 random base62 characters and a checksum; only a SHA-256 is kept."""

from __future__ import annotations

import hashlib
import secrets
import string
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import bindparam, or_, select, update

from app.clock import utc_now
from app.database.base import db
from app.models import ApiToken, User
from app.services.base import audit, cache
from app.services.base.errors import Invalid, NotFound

SCOPES = ("read", "write", "events", "admin")
# What only an admin may give a token: the right to speak for the platform, and to act as an admin.
ADMIN_SCOPES = ("events", "admin")
LONGEST_DAYS = 3650
_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_PREFIX, _RANDOM, _CHECK = "bhp_", 34, 6
# Built once: it runs with every call of a script.
_BY_DIGEST = (
    select(
        ApiToken.id,
        ApiToken.user_id,
        ApiToken.digest,
        ApiToken.scopes,
        ApiToken.expires_at,
        ApiToken.last_used_at,
        User.role,
    )
    .join(User, User.id == ApiToken.user_id)
    .where(ApiToken.digest == bindparam("digest"), ApiToken.revoked_at.is_(None), User.is_enabled)
)


def create(
    user: User,
    name: str,
    scopes: Sequence[str],
    *,
    days: int | None = None,
    until: datetime | None = None,
    actor: User | None = None,
    now: datetime | None = None,
) -> tuple[ApiToken, str]:
    """Make a token. Its text is in the answer and nowhere else.

    Args:
        user: the person the token acts as.
        name: what it is for, in the owner's words.
        scopes: some of `SCOPES`.
        days: after how many days it ends; None for never.
        until: when it ends at the latest, as does the token that asks for it.
        actor: who asks; None for the command line, which may give any scope.
    Raises:
        Invalid: keyed `name`, `scopes` or `days`.
    """
    now, name = now or utc_now(), " ".join(name.split())
    errors = {}
    if not name or len(name) > 100 or not name.isprintable():
        errors["name"] = _("Give the token a name of 1 to 100 characters.")
    if not scopes or set(scopes) - set(SCOPES):
        errors["scopes"] = _("Choose at least one scope out of: %(scopes)s.", scopes=", ".join(SCOPES))
    elif actor is not None and not actor.is_admin and set(scopes) & set(ADMIN_SCOPES):
        errors["scopes"] = _("Only admins can give a token the scopes events and admin.")
    if days is not None and not 1 <= days <= LONGEST_DAYS:
        errors["days"] = _("Choose from 1 to %(days)d days.", days=LONGEST_DAYS)
    if errors:
        raise Invalid(errors)
    ends = (now + timedelta(days=days) if days is not None else None, until)
    text = _new_text()
    token = ApiToken(
        user_id=user.id,
        name=name,
        prefix=text[: len(_PREFIX) + 6],
        digest=_digest(text),
        scopes=[scope for scope in SCOPES if scope in scopes],
        created_at=now,
        expires_at=min((end for end in ends if end is not None), default=None),
    )
    db.session.add(token)
    audit.record(
        "token.created", user.email, actor=actor, name=name, prefix=token.prefix, scopes=token.scopes
    )
    db.session.commit()
    return token, text


@dataclass(frozen=True)
class Bearer:
    """Whoever shows a token, as far as every call needs to know."""

    token_id: int
    user_id: int
    scopes: frozenset[str]
    expires_at: datetime | None
    last_used_at: datetime | None


def authenticate(text: str, now: datetime | None = None) -> Bearer | None:
    """Who shows this text; None when it is unknown, over, or its owner is switched off.

    Remembered while nobody writes to the database: a token that is revoked fails at the next call.
    """
    now = now or utc_now()
    digest = _digest(text)
    bearer: Bearer | None = cache.cached(("token", digest), now, lambda: (_bearer(text, digest), None))
    if bearer is None or (bearer.expires_at is not None and bearer.expires_at <= now):
        return None
    return _note_use(bearer, now)


def _bearer(text: str, digest: str) -> Bearer | None:
    if not _is_wellformed(text):
        return None
    row = db.session.execute(_BY_DIGEST, {"digest": digest}).one_or_none()
    # The index found it already; this compares in constant time whatever the index did.
    if row is None or not secrets.compare_digest(row.digest, digest):
        return None
    # `admin` counts only while its owner is an admin.
    scopes = frozenset(row.scopes) - (frozenset() if row.role == "admin" else {"admin"})
    return Bearer(row.id, row.user_id, scopes, row.expires_at, row.last_used_at)


def for_user(user: User) -> list[ApiToken]:
    """The tokens a person has not revoked, newest first."""
    return list(
        db.session.scalars(
            select(ApiToken)
            .where(ApiToken.user_id == user.id, ApiToken.revoked_at.is_(None))
            .order_by(ApiToken.id.desc())
        )
    )


def revoke(user: User, token_id: int, *, now: datetime | None = None) -> ApiToken:
    """End a token of one's own at once.

    Raises:
        NotFound: there is no such token, it is somebody else's, or it has been revoked.
    """
    token = db.session.scalar(
        select(ApiToken).where(
            ApiToken.id == token_id, ApiToken.user_id == user.id, ApiToken.revoked_at.is_(None)
        )
    )
    if token is None:
        raise NotFound(_("There is no such token."))
    token.revoked_at = now or utc_now()
    audit.record("token.revoked", user.email, actor=user, name=token.name, prefix=token.prefix)
    db.session.commit()
    return token


def revoke_admin_scopes(user: User, now: datetime) -> int:
    """End the tokens that only an admin may have, in the caller's transaction; answers how many."""
    ended = [token for token in for_user(user) if set(token.scopes) & set(ADMIN_SCOPES)]
    for token in ended:
        token.revoked_at = now
    return len(ended)


def _note_use(bearer: Bearer, now: datetime) -> Bearer:
    """Keep when the token was last used, to the minute: one write a minute, not one a request."""
    stale = now - timedelta(minutes=1)
    if bearer.last_used_at is not None and bearer.last_used_at > stale:
        return bearer
    # Asked again in the statement: of many requests at once, one writes.
    db.session.execute(
        update(ApiToken)
        .where(
            ApiToken.id == bearer.token_id,
            or_(ApiToken.last_used_at.is_(None), ApiToken.last_used_at <= stale),
        )
        .values(last_used_at=now)
    )
    db.session.commit()
    return replace(bearer, last_used_at=now)


def _new_text() -> str:
    body = "".join(secrets.choice(_ALPHABET) for _number in range(_RANDOM))
    return _PREFIX + body + _checksum(body)


def _is_wellformed(text: str) -> bool:
    """Whether the checksum fits: a mistyped token costs no query, and secret scanners find no false ones."""
    body = text[len(_PREFIX) : -_CHECK]
    return (
        text.startswith(_PREFIX)
        and len(body) == _RANDOM
        and text.isascii()
        and secrets.compare_digest(text[-_CHECK:], _checksum(body))
    )


def _checksum(body: str) -> str:
    number, digits = zlib.crc32(body.encode()), ""
    for _position in range(_CHECK):
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()

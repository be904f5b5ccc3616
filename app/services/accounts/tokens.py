"""API tokens: `bhp_`, 34 random base62 characters and a checksum. Only their SHA-256 is stored."""

from __future__ import annotations

import hashlib
import secrets
import string
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache

from flask_babel import gettext as _
from sqlalchemy import bindparam, or_, select, update

from app.clock import utc_now
from app.database.base import db
from app.database.compiled import CompiledStatement
from app.database.writing import writing
from app.models import ApiToken, User
from app.services.accounts import notices
from app.services.base import audit, cache
from app.services.base.errors import Conflict, Invalid, NotFound

SCOPES = ("read", "write", "events", "admin")
# Scopes that only an admin may give a token: reporting events for the platform, and acting as an admin.
ADMIN_SCOPES = ("events", "admin")
MAX_DAYS = 3650
# Tokens of one person that work. Beyond it, one has to be revoked first.
MAX_TOKENS = 100
_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_PREFIX, _RANDOM, _CHECK = "bhp_", 34, 6
# Built once: it runs with every API call.
_BY_DIGEST = CompiledStatement(
    select(
        ApiToken.id,
        ApiToken.user_id,
        ApiToken.digest,
        ApiToken.scopes,
        ApiToken.expires_at,
        ApiToken.last_used_at,
        User.role,
        User.email,
        User.time_zone,
        User.inbox_version,
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
    parent_id: int | None = None,
    actor: User | None = None,
    now: datetime | None = None,
) -> tuple[ApiToken, str]:
    """Create a token.

    Args:
        user: the user the token acts as.
        name: the owner's description of what it is for.
        scopes: one or more of `SCOPES`.
        days: the number of days until it expires; None for never.
        parent_id: the token it is created with. The new one has no scopes that this one lacks, and stops working
            when this one does.
        actor: the user who asks; None for the command line, which may give any scope to any number of tokens.
    Returns:
        The token and its text, which is stored nowhere.
    Raises:
        Invalid: keyed `name`, `scopes` or `days`.
        Conflict: the user has as many tokens as they may have.
        NotFound: the parent no longer works.
    """
    now, name = now or utc_now(), " ".join(name.split())
    errors = {}
    if not name or len(name) > 100 or not name.isprintable():
        errors["name"] = _("Give the token a name of 1 to 100 characters.")
    if not scopes or set(scopes) - set(SCOPES):
        errors["scopes"] = _("Choose at least one scope: %(scopes)s.", scopes=", ".join(SCOPES))
    elif actor is not None and not actor.is_admin and set(scopes) & set(ADMIN_SCOPES):
        errors["scopes"] = _("Only admins can grant the scopes events and admin.")
    if days is not None and not 1 <= days <= MAX_DAYS:
        errors["days"] = _("Choose 1 to %(days)d days.", days=MAX_DAYS)
    if errors:
        raise Invalid(errors)
    text = _new_text()
    token = ApiToken(
        user_id=user.id,
        name=name,
        prefix=text[: len(_PREFIX) + 6],
        digest=_digest(text),
        scopes=[scope for scope in SCOPES if scope in scopes],
        created_at=now,
        expires_at=now + timedelta(days=days) if days else None,
    )
    # Under the lock, so that a parent which is being revoked leaves no child behind.
    with writing(lock=User, row_id=user.id):
        if parent_id is not None:
            _give_parent(token, user, parent_id, now)
        if actor is not None and _count_working(user, now) >= MAX_TOKENS:
            raise Conflict(_("You can have at most %(most)s tokens. Revoke one first.", most=MAX_TOKENS))
        db.session.add(token)
        audit.record(
            "token.created", user.email, actor=actor, name=name, prefix=token.prefix, scopes=token.scopes
        )
        if actor is not None:
            notices.queue_token_notice(user, name, now)
    return token, text


@dataclass(frozen=True)
class Bearer:
    """A valid token, as every API call needs it."""

    token_id: int
    user_id: int
    email: str
    time_zone: str
    inbox_version: int
    scopes: frozenset[str]
    expires_at: datetime | None
    last_used_at: datetime | None


def authenticate(text: str, now: datetime | None = None) -> Bearer | None:
    """Find the token with this text; None if it is unknown, revoked or expired, or its owner is deactivated.

    On SQLite it is remembered until the next commit, so that a revoked token fails at the next call.
    """
    now = now or utc_now()
    digest = _digest(text)
    bearer = cache.until_commit(("token", digest), lambda: _find(text, digest))
    if bearer is None or (bearer.expires_at is not None and bearer.expires_at <= now):
        return None
    return _record_use(bearer, now)


def _find(text: str, digest: str) -> Bearer | None:
    if not _is_wellformed(text):
        return None
    found = _BY_DIGEST.fetch(digest=digest)
    # Found by the index, whose comparison may leak timing; this one takes constant time.
    if not found or not secrets.compare_digest(found[0].digest, digest):
        return None
    row = found[0]
    scopes = frozenset(row.scopes)
    if row.role != "admin":
        scopes -= {"admin"}
    return Bearer(
        row.id,
        row.user_id,
        row.email,
        row.time_zone,
        row.inbox_version,
        scopes,
        row.expires_at,
        row.last_used_at,
    )


def for_user(user: User) -> list[ApiToken]:
    """List the tokens that a user has not revoked, newest first."""
    return list(
        db.session.scalars(
            select(ApiToken)
            .where(ApiToken.user_id == user.id, ApiToken.revoked_at.is_(None))
            .order_by(ApiToken.id.desc())
        )
    )


def revoke(user: User, token_id: int, *, now: datetime | None = None) -> ApiToken:
    """Revoke one of a user's tokens, and those that were created with it.

    Raises:
        NotFound: the token does not exist, is not this user's, or was already revoked.
    """
    with writing(lock=User, row_id=user.id):
        token = _find_own(user, token_id)
        children = _revoke_family([token], now or utc_now()) - 1
        audit.record(
            "token.revoked",
            user.email,
            actor=user,
            name=token.name,
            prefix=token.prefix,
            **({"children": children} if children else {}),
        )
    return token


def revoke_admin_scopes(user: User, now: datetime) -> int:
    """Revoke the tokens that only an admin may have, in the caller's transaction. Returns their number."""
    return _revoke_family([token for token in for_user(user) if set(token.scopes) & set(ADMIN_SCOPES)], now)


def revoke_all(user: User, now: datetime) -> int:
    """Revoke every token of a user, in the caller's transaction. Returns their number."""
    return _revoke_family(for_user(user), now)


def _revoke_family(found: Sequence[ApiToken], now: datetime) -> int:
    """Revoke tokens and those that were created with them, and so on. Returns the number of all."""
    count, generation = 0, list(found)
    while generation:
        for token in generation:
            token.revoked_at = now
        count += len(generation)
        parents = [token.id for token in generation]
        children = select(ApiToken).where(ApiToken.parent_id.in_(parents), ApiToken.revoked_at.is_(None))
        generation = list(db.session.scalars(children))
    return count


def _give_parent(token: ApiToken, user: User, parent_id: int, now: datetime) -> None:
    """Bind a new token to the one it is created with. Raises as `create`."""
    parent = _find_own(user, parent_id)
    if parent.expires_at is not None and parent.expires_at <= now:
        raise NotFound(_("Token not found. It may have been revoked."))
    if missing := [scope for scope in token.scopes if scope not in parent.scopes]:
        raise Invalid({"scopes": _("You cannot grant these scopes: %(names)s.", names=", ".join(missing))})
    token.parent_id = parent.id
    if parent.expires_at is not None:
        token.expires_at = min(token.expires_at or parent.expires_at, parent.expires_at)


def _find_own(user: User, token_id: int) -> ApiToken:
    own = select(ApiToken).where(
        ApiToken.id == token_id, ApiToken.user_id == user.id, ApiToken.revoked_at.is_(None)
    )
    token = db.session.scalar(own.execution_options(populate_existing=True))
    if token is None:
        raise NotFound(_("Token not found. It may have been revoked."))
    return token


def _count_working(user: User, now: datetime) -> int:
    return sum(token.expires_at is None or token.expires_at > now for token in for_user(user))


def _record_use(bearer: Bearer, now: datetime) -> Bearer:
    """Record when the token was last used, to the minute: one write per minute, not one per request."""
    a_minute_ago = now - timedelta(minutes=1)
    if bearer.last_used_at is not None and bearer.last_used_at > a_minute_ago:
        return bearer
    # Checked again by the statement: of many simultaneous requests, one writes.
    db.session.execute(
        update(ApiToken)
        .where(
            ApiToken.id == bearer.token_id,
            or_(ApiToken.last_used_at.is_(None), ApiToken.last_used_at <= a_minute_ago),
        )
        .values(last_used_at=now)
    )
    db.session.commit()
    return replace(bearer, last_used_at=now)


def _new_text() -> str:
    body = "".join(secrets.choice(_ALPHABET) for _index in range(_RANDOM))
    return _PREFIX + body + _checksum(body)


def _is_wellformed(text: str) -> bool:
    """Check the checksum: a mistyped token costs no query, and secret scanners report no false positives."""
    body = text[len(_PREFIX) : -_CHECK]
    return (
        text.startswith(_PREFIX)
        and len(body) == _RANDOM
        and text.isascii()
        and secrets.compare_digest(text[-_CHECK:], _checksum(body))
    )


def _checksum(body: str) -> str:
    return _in_base62(zlib.crc32(body.encode()))


# Each call of the API checks its token. The number says little about the token, which must not be kept.
@lru_cache(maxsize=2_000)
def _in_base62(number: int) -> str:
    digits = ""
    for _index in range(_CHECK):
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()

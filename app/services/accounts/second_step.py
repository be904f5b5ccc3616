"""The second step of signing in, after the right password and before there is a session: a code."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask_babel import gettext as _

from app.clock import utc_now
from app.database.base import db
from app.database.writing import writing
from app.models import User
from app.services.accounts import notices, second_factor, sign_in_throttle, users
from app.services.accounts.known_browsers import KnownBrowser
from app.services.base import audit, signed_links
from app.services.base.errors import Invalid, NotFound

LIFETIME = timedelta(minutes=10)
_PURPOSE = "second-step"


def begin(user: User, *, secret: str, now: datetime | None = None) -> str:
    """Return a signed text for the browser's cookie that says who entered the right password.

    It works for ten minutes, and until the password changes or two-step sign-in is turned off.
    """
    values = {"user": user.id, "state": users.state_digest(user)}
    until = (now or utc_now()) + LIFETIME
    return signed_links.sign(values, purpose=_PURPOSE, secret=secret, expires_at=until)


def find_person(text: str, *, secret: str, now: datetime | None = None) -> User:
    """Find who entered the right password. Raises NotFound if the text is not from `begin`, or no longer works."""
    values = signed_links.read(text, purpose=_PURPOSE, secret=secret, now=now or utc_now())
    user = db.session.get(User, values["user"], populate_existing=True)
    if user is None or not user.is_enabled or values["state"] != users.state_digest(user):
        raise NotFound("the password was changed, or the account deactivated")
    if user.second_factor_at is None:
        raise NotFound("two-step sign-in was turned off")
    return user


def finish(
    text: str,
    code: str,
    *,
    secret: str,
    origin: str = "",
    known_browser: KnownBrowser | None = None,
    now: datetime | None = None,
) -> tuple[User, bool]:
    """Finish a sign-in with a code of the app, or with a recovery code. Every attempt is audited.

    Args:
        text: from `begin`.
        origin, known_browser: as for `users.authenticate`.
    Returns:
        The user who is signed in, and whether it was a recovery code.
    Raises:
        NotFound: the text no longer works; the password has to be entered again.
        Invalid: keyed `code`.
        TooManyAttempts: too many codes were wrong within fifteen minutes.
    """
    now = now or utc_now()
    user = find_person(text, secret=secret, now=now)
    where = sign_in_throttle.origin_of_code(user, origin, known_browser)
    reached = sign_in_throttle.count_attempt(user.email, now, where)
    with writing(lock=User, row_id=user.id):
        # Checked again under the lock: of two requests with one code, one finds it used.
        user = find_person(text, secret=secret, now=now)
        used = second_factor.use_code(user, code, secret=secret, now=now)
        if used:
            if used == "recovery":
                notices.queue_recovery_code_notice(user, now)
                audit.record("second_factor.recovery_code_used", user.email, actor=user)
            users.record_sign_in(user, where, now)
        else:
            audit.record("sign_in.failed", user.email, origin=origin, why="code")
            if reached:
                notices.queue_wrong_codes_notice(user, now)
                audit.record("sign_in.locked", user.email, origin=origin, limit=reached)
    # The attempt is committed even if the code was wrong.
    if not used:
        raise Invalid({"code": _("That code is wrong or was used before. Enter the newest code.")})
    return user, used == "recovery"

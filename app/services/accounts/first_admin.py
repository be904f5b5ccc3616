"""The first account of an installation: an admin who is created by a link that the server prints at its start."""

from __future__ import annotations

from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import select

from app.clock import utc_now
from app.database.base import db
from app.database.writing import prevent_inserts, writing
from app.models import User
from app.services.accounts import demo_people, passwords, users
from app.services.base import audit, signed_links
from app.services.base.errors import Invalid, NotFound

_PURPOSE = "setup"


def has_accounts() -> bool:
    """Whether anyone has an account, invited and deactivated people included."""
    return db.session.scalar(select(User.id).limit(1)) is not None


def make_setup_link(secret: str, base_url: str) -> str:
    """Make the address at which the first admin is created. It is derived from the key, so it is stored nowhere."""
    return f"{base_url}/setup/{signed_links.sign_permanent([], purpose=_PURPOSE, secret=secret)}"


def check_setup_token(token: str, secret: str) -> None:
    """Check the end of a setup link. Raises NotFound if it is forged, or if there is an account."""
    signed_links.read_permanent(token, purpose=_PURPOSE, secret=secret)
    if has_accounts():
        raise NotFound(_("Bellhop is set up already. Sign in, or ask an admin for an invite."))


@passwords.limit_concurrency
def create_first_admin(
    token: str, *, name: str, email: str, password: str, secret: str, now: datetime | None = None
) -> User:
    """Create the first account, an admin, and record their sign-in. The link stops working.

    Args:
        token: the end of the setup link.
    Raises:
        NotFound: the token is forged, or there is an account.
        Invalid: keyed `name`, `email` or `password`.
    """
    check_setup_token(token, secret)
    errors = _password_errors(name, email, password)
    try:
        user = users.build_user(email, name, role="admin")
    except Invalid as error:
        raise Invalid(error.errors | errors) from error
    if demo_people.is_demo_person(user.email):
        errors["email"] = _("This address belongs to the demo. Enter your own.")
    if errors:
        raise Invalid(errors)
    user.password_hash, user.last_signed_in_at = passwords.hash_password(password), now or utc_now()
    with writing():
        prevent_inserts(User)
        # Checked again under the lock: of two requests at once, one finds an account.
        check_setup_token(token, secret)
        users.add(user)
        audit.record("user.created", user.email, actor=user, role=user.role)
    return user


def _password_errors(name: str, email: str, password: str) -> dict[str, str]:
    if password == demo_people.PASSWORD:
        return {"password": _("This is the published password of the demo. Choose another one.")}
    problem = passwords.password_problem(password, email=email, name=name)
    return {"password": problem} if problem else {}

"""What a mail about one's account says: an invitation, a new password."""

from __future__ import annotations

from flask_babel import gettext as _

from app.models import User
from app.rendering import email


def account_email(kind: str, user: User, link: str, base_url: str) -> email.EmailContent:
    """The words of an `invitation` or a `password_reset`, in the language that is in force.

    Args:
        link: where a password is chosen.
    """
    if kind == "invitation":
        heading = _("Welcome to Bellhop")
        message = _(
            "%(name)s, an account has been made for you. Choose a password to sign in. The link works for seven days.",
            name=user.name,
        )
        button = _("Choose a password")
        reason = _("You get this because an admin invited %(email)s.", email=user.email)
    else:
        heading = _("Choose a new password")
        message = _(
            "Somebody, probably you, asked for a new password for %(email)s. The link works for one hour and once.\n\n"
            "If it was not you, do nothing: your password stays as it is.",
            email=user.email,
        )
        button = _("Choose a new password")
        reason = _("You get this because a new password was asked for on the sign-in page.")
    return email.EmailContent(
        locale=user.locale,
        heading=heading,
        message=message,
        label=_("Your account"),
        category="system",
        facts=(),
        button=(button, link),
        reason=reason,
        links=((_("Open Bellhop"), base_url),),
    )

"""What a person types about an account, brought into the one form in which it is kept."""

from __future__ import annotations

import re
from functools import cache
from zoneinfo import available_timezones

from email_validator import EmailNotValidError, validate_email
from flask_babel import gettext as _

from app.rendering.texts import one_line
from app.services.base import validation
from app.services.base.errors import Invalid

ROLES = ("recruiter", "admin")
_PHONE_MARKS = re.compile(r"[\s().\-/\u00a0\u2010-\u2013]")


def email(text: str) -> str:
    """The address in lower case and as mail servers write it (an international domain in its ASCII form).

    Raises:
        Invalid: keyed `email`. Whether the domain exists is not asked: that is the mail server's to say.
    """
    try:
        # No SMTPUTF8 in the part before the @: many mail servers refuse it.
        found = validate_email(
            text.strip(), check_deliverability=False, test_environment=True, allow_smtputf8=False
        )
    except EmailNotValidError as error:
        raise Invalid({"email": _("Write an email address such as name@example.com.")}) from error
    return (found.ascii_email or found.normalized).lower()


def name(text: str) -> str:
    """The name on one line. Raises Invalid, keyed `name`."""
    try:
        words = validation.text(one_line(text), most=200)
    except validation.InvalidValue as error:
        raise Invalid({"name": str(error)}) from error
    if not words:
        raise Invalid({"name": _("Write a name of 1 to 200 characters.")})
    return words


def role(text: str) -> str:
    """One of `ROLES`. Raises Invalid, keyed `role`."""
    if text not in ROLES:
        raise Invalid({"role": _("Choose a role: recruiter or admin.")})
    return text


def time_zone(text: str) -> str:
    """An IANA zone such as `Europe/Paris`. Raises Invalid, keyed `time_zone`."""
    if text not in time_zones():
        raise Invalid({"time_zone": _("Choose a time zone from the list, such as Europe/Paris.")})
    return text


@cache
def time_zones() -> tuple[str, ...]:
    """Every IANA zone, sorted; without the names by which a machine calls its own clock."""
    return tuple(sorted(available_timezones() - {"localtime", "Factory", "posixrules"}))


def phone(text: str) -> str:
    """The number as E.164 writes it, `+442079460958`; an empty one stays empty. Raises Invalid, keyed `phone`."""
    digits = re.sub(_PHONE_MARKS, "", text.replace("(0)", ""))
    if not digits:
        return ""
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    if not re.fullmatch(r"\+[1-9][0-9]{7,14}", digits):
        raise Invalid({"phone": _("Write the number with its country code, such as +44 20 7946 0958.")})
    return digits

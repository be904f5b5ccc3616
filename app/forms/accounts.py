"""Forms of an account: profile, password, tokens, invitations. Only these fields reach a service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from werkzeug.datastructures import MultiDict

from app.forms.integers import parse_integer

# The lifetimes of a token that the form offers, in days; 0 means no expiry.
TOKEN_DAYS = (30, 90, 365, 0)


@dataclass(frozen=True)
class ProfileForm:
    """A user's own profile. The page sends only the name; None leaves the time zone or the phone as it is."""

    name: str
    time_zone: str | None
    phone: str | None

    @classmethod
    def read(cls, form: Mapping[str, str]) -> ProfileForm:
        """Read the submitted form."""
        return cls(form.get("name", ""), form.get("time_zone"), form.get("phone"))


@dataclass(frozen=True)
class PasswordForm:
    """A change of one's own password."""

    current: str
    new: str
    revoke_access: bool

    @classmethod
    def read(cls, form: Mapping[str, str]) -> PasswordForm:
        """Read the submitted form."""
        return cls(form.get("current_password", ""), form.get("new_password", ""), "revoke_access" in form)


@dataclass(frozen=True)
class TokenForm:
    """A new API token; `days` is None if it does not expire."""

    name: str = ""
    scopes: tuple[str, ...] = ("read",)
    days: int | None = 90

    @classmethod
    def read(cls, form: MultiDict[str, str]) -> TokenForm:
        """Read the submitted form; a lifetime that is not offered becomes 90 days."""
        days = form.get("token_days", 90, type=parse_integer)
        if days not in TOKEN_DAYS:
            days = 90
        return cls(form.get("token_name", ""), tuple(form.getlist("token_scopes")), days or None)


@dataclass(frozen=True)
class SetupForm:
    """The first account. Its password is not kept with the rest, because the page never shows it again."""

    name: str = ""
    email: str = ""

    @classmethod
    def read(cls, form: Mapping[str, str]) -> SetupForm:
        """Read the submitted form."""
        return cls(form.get("name", ""), form.get("email", ""))


@dataclass(frozen=True)
class PersonForm:
    """The name and the address of a person, by an admin."""

    name: str
    email: str

    @classmethod
    def read(cls, form: Mapping[str, str]) -> PersonForm:
        """Read the submitted form."""
        return cls(form.get("name", ""), form.get("email", ""))


@dataclass(frozen=True)
class InvitationForm:
    """An invitation by an admin."""

    email: str = ""
    name: str = ""
    role: str = "recruiter"

    @classmethod
    def read(cls, form: Mapping[str, str]) -> InvitationForm:
        """Read the submitted form."""
        return cls(form.get("email", ""), form.get("name", ""), form.get("role", ""))

"""What the forms of an account send: these fields and no others reach a service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from werkzeug.datastructures import MultiDict

from app.forms.integers import parse_integer

# How long a token may live, as the form offers it; 0 is for ever.
TOKEN_DAYS = (30, 90, 365, 0)


@dataclass(frozen=True)
class ProfileForm:
    """What a person says about themselves."""

    name: str
    time_zone: str
    phone: str

    @classmethod
    def read(cls, form: Mapping[str, str]) -> ProfileForm:
        """Read the form as it was sent."""
        return cls(form.get("name", ""), form.get("time_zone", "").strip(), form.get("phone", ""))


@dataclass(frozen=True)
class PasswordForm:
    """A change of password by its owner."""

    current: str
    new: str

    @classmethod
    def read(cls, form: Mapping[str, str]) -> PasswordForm:
        """Read the form as it was sent."""
        return cls(form.get("current_password", ""), form.get("new_password", ""))


@dataclass(frozen=True)
class TokenForm:
    """A new API token; `days` is None for one that does not end."""

    name: str = ""
    scopes: tuple[str, ...] = ("read",)
    days: int | None = 90

    @classmethod
    def read(cls, form: MultiDict[str, str]) -> TokenForm:
        """Read the form as it was sent; a life that is not offered becomes the usual one."""
        days = form.get("token_days", 90, type=parse_integer)
        return cls(
            form.get("token_name", ""),
            tuple(form.getlist("token_scopes")),
            (days or None) if days in TOKEN_DAYS else 90,
        )


@dataclass(frozen=True)
class InvitationForm:
    """Whom an admin invites."""

    email: str = ""
    name: str = ""
    role: str = "recruiter"

    @classmethod
    def read(cls, form: Mapping[str, str]) -> InvitationForm:
        """Read the form as it was sent."""
        return cls(form.get("email", ""), form.get("name", ""), form.get("role", ""))

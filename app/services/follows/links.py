"""Muting from the footer of an email without signing in, with a signed link for one person and one subject."""

from __future__ import annotations

from dataclasses import dataclass

from app.models import User
from app.services.base import signed_links
from app.services.follows import management

_PURPOSE = "mute"


@dataclass(frozen=True)
class MuteLink:
    """The mute that a link offers. `name` is what the person's notifications call the subject."""

    user: User
    subject: str
    name: str
    is_muted: bool


def mute_link(user: User, subject: str, secret: str, base_url: str) -> str:
    """Return the URL of the page where a person can mute a subject, signed in or not. It does not expire."""
    token = signed_links.sign_permanent([user.id, subject], purpose=_PURPOSE, secret=secret)
    return f"{base_url}/mute/{token}"


def find(token: str, secret: str) -> MuteLink:
    """Look up what a link is for. Changes nothing, because mail scanners follow links.

    Raises:
        NotFound: the link is incomplete or forged, or the account was deleted.
    """
    user, subject = signed_links.read_of_person(token, purpose=_PURPOSE, secret=secret)
    follow = management.find_current(user, subject)
    is_muted = follow is not None and follow.mode == "mute"
    return MuteLink(user, subject, management.name_of(user, subject), is_muted)


def mute(token: str, secret: str) -> MuteLink:
    """Mute what a link is for, for good. Raises NotFound, as `find`."""
    link = find(token, secret)
    management.set_mode(link.user, link.subject, "mute")
    return find(token, secret)


def unmute(token: str, secret: str) -> MuteLink:
    """Take the mute back. Raises NotFound, as `find`."""
    link = find(token, secret)
    follow = management.find_current(link.user, link.subject)
    if follow is not None and link.is_muted:
        management.remove(link.user, follow.id)
    return find(token, secret)

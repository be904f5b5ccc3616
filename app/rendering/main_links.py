"""Where a notification leads, each with what happens there: join the interview, open the resume."""

from __future__ import annotations

from typing import NamedTuple

from flask_babel import gettext as _

from app import catalog, safe_urls

# Types about an interview that people can still join.
JOINABLE = ("interview_scheduled", "interview_rescheduled", "interview_reminder")


class MainLink(NamedTuple):
    """A label, and a web address or a path within Bellhop."""

    label: str
    url: str


def main_links(
    notification_type: str, action_url: str, meeting_url: str = "", *, can_join: bool = False
) -> list[MainLink]:
    """List where a notification leads, the most important first, in the current language.

    Args:
        action_url: what the sender gave; also a meeting's URL where it gave nothing else.
        can_join: the interview is neither cancelled nor over.
    """
    links = []
    if can_join and notification_type in JOINABLE and safe_urls.is_web_address(meeting_url):
        links.append(MainLink(_("Join the interview"), meeting_url))
    if action_url != meeting_url and safe_urls.is_link(action_url):
        links.append(MainLink(str(catalog.TYPES[notification_type].verb), action_url))
    return links

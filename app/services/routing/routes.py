"""Finds the people that an event reaches, and why it reaches each of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app import catalog
from app.services.base import recipients
from app.services.base.errors import Invalid
from app.services.base.recipients import Recipient
from app.services.follows.lookup import find_followers, list_subjects
from app.services.routing import hiring_teams
from app.services.routing.candidate_and_job import CandidateAndJob

# Why an event reached a person; stored with the notification.
REASONS: dict[str, LazyString] = {
    "recipients": _l("Named in the event."),
    "hiring_team": _l("On the hiring team."),
    "candidate": _l("Follows the candidate."),
    "job": _l("Follows the job."),
    "type": _l("Follows this type of notification."),
    "everyone": _l("The event has no recipients, so it goes to all active recruiters."),
    "announced_everyone": _l("An admin announced it to everyone."),
    "announced_recruiter": _l("An admin announced it to all recruiters."),
    "announced_admin": _l("An admin announced it to all admins."),
    "announced_people": _l("An admin announced it to selected people."),
}
# What the recipient of an announcement reads. The others read the reason of the notification's type.
ANNOUNCED: dict[str, LazyString] = {
    "announced_everyone": _l("You get this because an admin wrote to everyone."),
    "announced_recruiter": _l("You get this because an admin wrote to all recruiters."),
    "announced_admin": _l("You get this because an admin wrote to all admins."),
    "announced_people": _l("You get this because an admin wrote to you."),
}


def reader_reason(notification_type: str, routed_by: str) -> LazyString:
    """Return why a person gets a notification, as a sentence to them."""
    return ANNOUNCED.get(routed_by, catalog.TYPES[notification_type].reason)


def find_routes(
    named: Sequence[str] | None,
    about: CandidateAndJob,
    notification_type: str | None,
    now: datetime,
    *,
    goes_to_everyone: bool,
) -> tuple[list[Recipient], dict[int, str]]:
    """Find the people that an event reaches.

    Args:
        named: the addresses of its recipients, if it names them: then no one else gets it.
        goes_to_everyone: whether it goes to all active recruiters where neither the hiring team nor a follow of the
            candidate or the job leads to anyone.
    Returns:
        The people, and by their ids the keys of `REASONS`.
    Raises:
        Invalid: an address is unknown, or no one would get it; keyed `data.recipients` or `data.hiring_team`.
    """
    if named is not None:
        people = recipients.by_emails(named, "data.recipients")
        return people, dict.fromkeys((user.id for user in people), "recipients")
    if about.hiring_team:
        team = recipients.by_emails(about.hiring_team, "data.hiring_team")
    else:
        team = hiring_teams.team_of(about.job_id)
    routes = find_followers_of(about, now) | dict.fromkeys((user.id for user in team), "hiring_team")
    everyone: list[Recipient] = []
    if not routes and goes_to_everyone:
        if about.is_confidential:
            raise Invalid(
                {
                    "data.recipients": _(
                        "This is confidential and not sent to everyone. Add recipients or a hiring team."
                    )
                }
            )
        everyone = recipients.active_recruiters()
        routes = dict.fromkeys((user.id for user in everyone), "everyone")
    if not about.is_confidential:
        # A follow of a type adds people; it does not replace the others.
        followers = find_followers(list_subjects(None, None, notification_type), now)
        routes = dict.fromkeys(followers, "type") | routes
    if not routes and not goes_to_everyone:
        raise Invalid({"data.recipients": _("Add recipients or a hiring team: a list of email addresses.")})
    known = {user.id for user in everyone}
    others = recipients.by_ids([user_id for user_id in routes if user_id not in known])
    return [*everyone, *others], routes


def find_followers_of(about: CandidateAndJob, now: datetime) -> dict[int, str]:
    """Find the active people who follow the candidate or the job: by user id, which of the two."""
    followers = find_followers(list_subjects(about.candidate_id, about.job_id, None), now)
    return {user_id: subject.partition(":")[0] for user_id, subject in followers.items()}

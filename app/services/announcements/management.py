"""Announcements of admins to people, roles or everyone: create, edit, test, cancel, list."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import uuid4

from flask_babel import format_decimal
from flask_babel import gettext as _
from sqlalchemy import func, or_, select
from sqlalchemy.orm import joinedload

from app.catalog import ANNOUNCEMENT
from app.clock import utc_now
from app.database.base import db
from app.database.writing import insert_ignore, writing
from app.models import Announcement, Event, User
from app.services.announcements import audiences, progress, validation, writer
from app.services.announcements.validation import AnnouncementRequest
from app.services.base import audit, paging, recipients
from app.services.base.errors import Conflict, Forbidden, Invalid, NotFound
from app.services.notifications import expiry, inbox_version
from app.services.routing import candidate_and_job, hiring_teams
from app.services.routing.candidate_and_job import CandidateAndJob
from app.services.templates import test_send
from app.services.templates.preview import build_event

SOURCE = "bellhop:announcements"
# The fields that its author chooses.
AUTHORED_FIELDS = (
    *("audience", "template_name", "context", "notification_type", "title", "message"),
    *("priority", "channels", "action_url", "data", "deliver_at"),
    *candidate_and_job.FIELDS,
)


@dataclass(frozen=True)
class AnnouncementPage:
    """A page of announcements, newest first; `older` and `newer` are the cursors of the adjacent pages."""

    rows: list[Announcement]
    older: int | None
    newer: int | None


def count_recipients(wanted: AnnouncementRequest) -> int:
    """Count the people an announcement would go to now. Raises Invalid for an unusable audience."""
    return audiences.count(_resolve_audience(wanted))


def route_of(wanted: AnnouncementRequest) -> str:
    """Return the key of `routes.REASONS` that an announcement has for its audience. Raises Invalid."""
    return audiences.route_of(_resolve_audience(wanted))


def create(
    actor: User,
    wanted: AnnouncementRequest,
    *,
    key: str = "",
    expected: int | None = None,
    now: datetime | None = None,
) -> Announcement:
    """Create an announcement. Up to 100 people have it when this returns; a background job writes larger ones.

    Args:
        key: an announcement repeated with the same key is created once.
        expected: the number of people that the actor was shown.
    Returns:
        The announcement, committed; `progress.list_recipients` lists who received it.
    Raises:
        Forbidden: the actor is not an admin.
        Invalid: keyed by field of `AnnouncementRequest`.
        Conflict: the number of people differs from the expected one, or the key was used for a different announcement.
    """
    now = now or utc_now()
    _require_admin(actor)
    external_id = f"{actor.id}:{key or uuid4()}"
    if earlier := _find_earlier(external_id):
        return _require_same(earlier, wanted, actor)
    row = validation.validate(wanted, actor, now)
    row.author_id, row.audience = actor.id, _resolve_audience(wanted)
    row.total = audiences.count(row.audience)
    _require_expected(expected, row.total)
    with writing():
        if event_id := _insert_once(external_id, row, now):
            row.event_id = event_id
            db.session.add(row)
            db.session.flush()
            audit.record(
                "announcement.created",
                title_of(row),
                actor=actor,
                id=row.id,
                people=row.total,
                audience=_describe_audience(row),
            )
            if row.total <= writer.CHUNK:
                writer.write_chunk(row, now)
            return row
    # The same request was sent twice at once.
    return create(actor, wanted, key=key, expected=expected, now=now)


def edit(
    actor: User,
    announcement_id: int,
    wanted: AnnouncementRequest,
    *,
    key: str,
    revision: int | None = None,
    expected: int | None = None,
    now: datetime | None = None,
) -> Announcement:
    """Replace what a scheduled announcement says, to whom and when; other arguments and errors as for `create`.

    What only the API sets stays: metadata, the candidate, the job, the hiring team.

    Args:
        revision: the `revision_of` the announcement that the actor edited; None edits any.
    Raises:
        NotFound: the announcement does not exist.
        Conflict: its time has come, it is cancelled, or it was edited since that revision.
    """
    now = now or utc_now()
    _require_admin(actor)
    external_id = f"{actor.id}:{key}"
    old = get(announcement_id)
    kept = {name: getattr(old, name) for name in candidate_and_job.FIELDS}
    wanted = replace(wanted, metadata=old.data, **kept)
    if earlier := _find_earlier(external_id):
        return _require_same(earlier, wanted, actor)
    new = validation.validate(wanted, actor, now)
    new.audience = _resolve_audience(wanted)
    new.total = audiences.count(new.audience)
    _require_expected(expected, new.total)
    with writing(lock=Announcement, row_id=announcement_id) as row:
        if row is None:
            raise NotFound(_("Announcement not found."))
        if progress.current_state(row, now) != "scheduled":
            raise Conflict(_("Only a scheduled announcement can be edited. Duplicate it instead."))
        # Its notifications are written anew: for another event, because a person gets one of each event.
        event_id = _insert_once(external_id, new, now)
        if event_id is None:  # The same form was sent twice at once.
            return row
        if revision not in {None, revision_of(row)}:
            raise Conflict(_("Someone else edited this announcement in the meantime."))
        former = expiry.cancel_scheduled(row.event_id, now)
        row.event_id = event_id
        for name in AUTHORED_FIELDS:
            setattr(row, name, getattr(new, name))
        row.total, row.written, row.last_user_id = new.total, 0, 0
        row.state, row.ended_at = "writing", None
        audit.record("announcement.edited", title_of(row), actor=actor, id=row.id, people=row.total)
        if row.total <= writer.CHUNK:
            people = audiences.next_members(row.audience, after=0, limit=writer.CHUNK)
            inbox_version.lock(former | {person.id for person in people})
            writer.write_chunk(row, now)
        inbox_version.bump(former)
        return row


def send_test(actor: User, wanted: AnnouncementRequest, *, now: datetime | None = None) -> None:
    """Send an announcement to its author alone, now.

    Raises:
        Forbidden: the actor is not an admin.
        Invalid: keyed by field of `AnnouncementRequest`, or `general`: no chosen channel reaches the actor.
        LimitReached: the actor sent ten tests within ten minutes.
    """
    now = now or utc_now()
    _require_admin(actor)
    row = validation.validate(wanted, actor, now)
    request = replace(validation.to_request(row), deliver_at=None)
    event = build_event(row.context, now)
    test_send.send_to_self(request, event, "announcement.tested", title_of(row), actor=actor, now=now)


def cancel(actor: User, announcement_id: int, *, now: datetime | None = None) -> Announcement:
    """Cancel an announcement. Before its scheduled time it reaches no one; while it is sent, no one else.

    Cancelling again changes nothing.

    Raises:
        Forbidden: the actor is not an admin.
        NotFound: the announcement does not exist.
        Conflict: everyone has already received it.
    """
    now = now or utc_now()
    _require_admin(actor)
    with writing(lock=Announcement, row_id=announcement_id) as row:
        if row is None:
            raise NotFound(_("Announcement not found."))
        if row.state == "cancelled":
            return row
        if row.state == "written" and not progress.is_scheduled(row, now):
            raise Conflict(_("Already sent to everyone. It can no longer be cancelled."))
        row.state, row.ended_at = "cancelled", now
        if progress.is_scheduled(row, now):
            inbox_version.bump(expiry.cancel_scheduled(row.event_id, now))
            row.written = 0
        audit.record("announcement.cancelled", title_of(row), actor=actor, id=row.id, kept=row.written)
    return row


def page(
    search: str = "",
    states: Collection[str] = (),
    *,
    before: int | None = None,
    after: int | None = None,
    limit: int = 50,
    now: datetime | None = None,
) -> AnnouncementPage:
    """Load one page of announcements with their authors; the other arguments are those of `paging.newest_first`.

    Args:
        search: part of the title, the message or the template's name.
        states: those of `progress.STATES` to show; none shows all.
    """
    query = select(Announcement).options(joinedload(Announcement.author))
    if search:
        searched = (Announcement.title, Announcement.message, Announcement.template_name)
        part = search.lower()
        query = query.where(or_(*(func.lower(text).contains(part, autoescape=True) for text in searched)))
    if states:
        query = query.where(progress.has_state(states, now or utc_now()))
    return AnnouncementPage(
        *paging.newest_first(query, Announcement.id, before=before, after=after, limit=limit)
    )


def get(announcement_id: int) -> Announcement:
    """Load an announcement. Raises NotFound."""
    row = db.session.get(Announcement, announcement_id)
    if row is None:
        raise NotFound(_("Announcement not found."))
    return row


def revision_of(row: Announcement) -> int:
    """Return a number that changes with every edit."""
    return row.event_id


def last_editor(row: Announcement) -> User | None:
    """Return who created or last edited an announcement; None if the account was deleted."""
    return db.session.get(User, int(row.event.external_id.partition(":")[0]))


def addresses_of(row: Announcement) -> list[str]:
    """List the addresses of the people that an announcement names and who are active; none for roles or everyone."""
    return [person.email for person in recipients.by_ids(row.audience.get("people", []))]


def title_of(row: Announcement) -> str:
    """Return the title to show in lists."""
    return row.title or row.template_name


def _resolve_audience(wanted: AnnouncementRequest) -> audiences.Audience:
    about = hiring_teams.complete(
        CandidateAndJob(wanted.candidate_id, wanted.job_id, wanted.is_confidential, tuple(wanted.hiring_team))
    )
    if about.is_confidential and (wanted.roles or wanted.everyone):
        raise Invalid(
            {
                "is_confidential": _(
                    "This is confidential. Send it to people or to the hiring team, not to roles."
                )
            }
        )
    return audiences.resolve(wanted.recipients, wanted.roles, everyone=wanted.everyone, about=about)


def _describe_audience(row: Announcement) -> str:
    """Describe the audience for the audit log, without addresses."""
    return ", ".join(row.audience.get("roles", row.audience))


def _require_expected(expected: int | None, total: int) -> None:
    if expected is not None and expected != total:
        raise Conflict(
            _("The audience is now %(count)s people. Review and send again.", count=format_decimal(total))
        )


def _require_admin(actor: User) -> None:
    if not (actor.is_admin and actor.is_enabled):
        raise Forbidden(_("Only admins can send announcements."))


def _insert_once(external_id: str, row: Announcement, now: datetime) -> int | None:
    audience = {name: value for name, value in row.audience.items() if name != "people"}
    event_id: int | None = db.session.scalar(
        insert_ignore(Event)
        .values(
            source=SOURCE,
            external_id=external_id,
            type=ANNOUNCEMENT,
            occurred_at=now,
            received_at=now,
            data=audience,
        )
        .returning(Event.id)
    )
    return event_id


def _require_same(earlier: Announcement, wanted: AnnouncementRequest, actor: User) -> Announcement:
    """Return what was created with this key. Raises Conflict if it differs from the present request."""
    row = validation.validate(wanted, actor, earlier.created_at)
    row.audience = _resolve_audience(wanted)
    if any(getattr(row, name) != getattr(earlier, name) for name in AUTHORED_FIELDS):
        raise Conflict(_("This form was already sent with different content. Send it again to send both."))
    return earlier


def _find_earlier(external_id: str) -> Announcement | None:
    return db.session.scalar(
        select(Announcement)
        .join(Announcement.event)
        .where(Event.source == SOURCE, Event.external_id == external_id)
    )

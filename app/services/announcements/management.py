"""Announcements of admins to people, roles or everyone: create, cancel, list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.catalog import ANNOUNCEMENT
from app.clock import utc_now
from app.database.base import db
from app.database.sqlite import lock_for_writing
from app.database.writing import insert_ignore, writing
from app.models import Announcement, Event, User
from app.services.announcements import audiences, progress, validation, writer
from app.services.announcements.validation import AnnouncementRequest
from app.services.base import audit, paging
from app.services.base.errors import Conflict, Forbidden, NotFound
from app.services.notifications import expiry

SOURCE = "bellhop:announcements"
# The fields that its author chooses.
AUTHORED_FIELDS = (
    *("audience", "template_name", "context", "notification_type", "title", "message"),
    *("priority", "channels", "action_url", "data", "deliver_at"),
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
    if expected is not None and expected != row.total:
        raise Conflict(_("The audience is now %(count)s people. Review and send again.", count=row.total))
    lock_for_writing()
    event_id = _insert_once(external_id, row, now)
    if event_id is None:  # The same request was sent twice at once.
        db.session.rollback()
        return create(actor, wanted, key=key, expected=expected, now=now)
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
    db.session.commit()
    return row


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
            expiry.cancel_scheduled(row.event_id, now)
            row.written = 0
        audit.record("announcement.cancelled", title_of(row), actor=actor, id=row.id, kept=row.written)
    return row


def page(*, before: int | None = None, after: int | None = None, limit: int = 50) -> AnnouncementPage:
    """Load one page of announcements with their authors; arguments as for `paging.newest_first`."""
    query = select(Announcement).options(joinedload(Announcement.author))
    return AnnouncementPage(
        *paging.newest_first(query, Announcement.id, before=before, after=after, limit=limit)
    )


def get(announcement_id: int) -> Announcement:
    """Load an announcement. Raises NotFound."""
    row = db.session.get(Announcement, announcement_id)
    if row is None:
        raise NotFound(_("Announcement not found."))
    return row


def title_of(row: Announcement) -> str:
    """Return the title to show in lists."""
    return row.title or row.template_name


def _resolve_audience(wanted: AnnouncementRequest) -> audiences.Audience:
    return audiences.resolve(wanted.recipients, wanted.roles, everyone=wanted.everyone)


def _describe_audience(row: Announcement) -> str:
    """Describe the audience for the audit log, without addresses."""
    return ", ".join(row.audience.get("roles", row.audience))


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

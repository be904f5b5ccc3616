"""What admins announce: to people, roles or everyone, now or later, and taken back until then."""

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
from app.database.writing import insert_ignore
from app.models import Announcement, Event, User
from app.services.announcements import audiences, progress, validation, writer
from app.services.announcements.validation import AnnouncementRequest
from app.services.base import audit, paging
from app.services.base.errors import Conflict, Forbidden, NotFound
from app.services.notifications import expiry

SOURCE = "bellhop:announcements"
# What its author decides.
AUTHORED_FIELDS = (
    *("audience", "template_name", "context", "notification_type", "title", "message"),
    *("priority", "channels", "action_url", "data", "deliver_at"),
)


@dataclass(frozen=True)
class AnnouncementPage:
    """Some announcements, newest first; `older` and `newer` lead to the pages beside it."""

    rows: list[Announcement]
    older: int | None
    newer: int | None


def count(wanted: AnnouncementRequest) -> int:
    """How many people it would go to now. Raises Invalid where its audience cannot be used."""
    return audiences.count(_audience(wanted))


def create(
    actor: User,
    wanted: AnnouncementRequest,
    *,
    key: str = "",
    expected: int | None = None,
    now: datetime | None = None,
) -> Announcement:
    """Announce something, once. Up to 100 people have it when this returns, more get it from the job.

    Args:
        key: the same announcement sent twice with the same key is made once.
        expected: how many people the actor believes that it goes to.
    Returns:
        The announcement, committed; `announcement_progress.reached` tells whom it came to.
    Raises:
        Forbidden: the actor is no admin.
        Invalid: keyed by field; see `AnnouncementIn`.
        Conflict: it would go to another number of people than expected, or the key was used for something else.
    """
    now = now or utc_now()
    _require_admin(actor)
    external_id = f"{actor.id}:{key or uuid4()}"
    if earlier := _find_earlier(external_id):
        return _require_same(earlier, wanted, actor)
    row = validation.validate(wanted, actor, now)
    row.author_id, row.audience = actor.id, _audience(wanted)
    row.total = audiences.count(row.audience)
    if expected is not None and expected != row.total:
        raise Conflict(_("It goes to %(count)s people now. Look once more.", count=row.total))
    lock_for_writing()
    event_id = _insert_once(external_id, row, now)
    if event_id is None:  # The same was sent twice at the same moment.
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
    """Take an announcement back: before its time nobody gets it; while it goes out, nobody else does.

    Doing it again changes nothing.

    Raises:
        Forbidden: the actor is no admin.
        NotFound: there is no such announcement.
        Conflict: everybody has it.
    """
    now = now or utc_now()
    _require_admin(actor)
    lock_for_writing()
    row = db.session.get(Announcement, announcement_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound(_("There is no such announcement."))
    if row.state == "cancelled":
        return row
    if row.state == "written" and not progress.is_ahead(row, now):
        raise Conflict(_("Everybody has it: it can no longer be cancelled."))
    row.state, row.ended_at = "cancelled", now
    if progress.is_ahead(row, now):
        expiry.cancel_scheduled(row.event_id, now)
        row.written = 0
    audit.record("announcement.cancelled", title_of(row), actor=actor, id=row.id, kept=row.written)
    db.session.commit()
    return row


def page(*, before: int | None = None, after: int | None = None, limit: int = 50) -> AnnouncementPage:
    """One page of all announcements, with their authors; see `paging.newest_first`."""
    query = select(Announcement).options(joinedload(Announcement.author))
    return AnnouncementPage(
        *paging.newest_first(query, Announcement.id, before=before, after=after, limit=limit)
    )


def get(announcement_id: int) -> Announcement:
    """One announcement. Raises NotFound."""
    row = db.session.get(Announcement, announcement_id)
    if row is None:
        raise NotFound(_("There is no such announcement."))
    return row


def title_of(row: Announcement) -> str:
    """What it is called in lists."""
    return row.title or row.template_name


def _audience(wanted: AnnouncementRequest) -> audiences.Audience:
    return audiences.resolve(wanted.recipients, wanted.roles, everyone=wanted.everyone)


def _describe_audience(row: Announcement) -> str:
    """The audience without anybody's address."""
    return ", ".join(row.audience.get("roles", row.audience))


def _require_admin(actor: User) -> None:
    if not (actor.is_admin and actor.is_enabled):
        raise Forbidden(_("Only admins may announce something."))


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
    """What was made with this key. Raises Conflict where that is not what is wanted now."""
    row = validation.validate(wanted, actor, earlier.created_at)
    row.audience = _audience(wanted)
    if any(getattr(row, name) != getattr(earlier, name) for name in AUTHORED_FIELDS):
        raise Conflict(
            _(
                "This form has been sent already, with something else in it. Send it once more if you want both."
            )
        )
    return earlier


def _find_earlier(external_id: str) -> Announcement | None:
    return db.session.scalar(
        select(Announcement)
        .join(Announcement.event)
        .where(Event.source == SOURCE, Event.external_id == external_id)
    )

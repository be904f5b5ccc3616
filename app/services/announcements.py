"""What admins announce: to people, roles or everyone, now or later, and taken back until then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import joinedload

from app.clock import utc_now
from app.extensions import db, lock_for_writing
from app.models import Announcement, Delivery, Event, Notification, User
from app.services import announcement_words, announcement_writing, audiences, audit, delivery_log, retiring
from app.services.announcement_words import AnnouncementIn
from app.services.errors import Conflict, Forbidden, NotFound
from app.services.explanations import ANNOUNCEMENT

SOURCE = "bellhop:announcements"
# Up to so many are written together with the announcement; more are left to the job.
AT_ONCE = 100


@dataclass(frozen=True)
class Page:
    """Some announcements, newest first; `older` is the cursor of the next page, None at the end."""

    rows: list[Announcement]
    older: int | None


def count(wanted: AnnouncementIn) -> int:
    """How many people it would go to now. Raises Invalid where its audience cannot be used."""
    return audiences.count(_audience(wanted))


def create(
    actor: User,
    wanted: AnnouncementIn,
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
        The announcement, committed; `notification_ids` tells what became of it.
    Raises:
        Forbidden: the actor is no admin.
        Invalid: keyed by field; see `AnnouncementIn`.
        Conflict: it would go to another number of people than expected.
    """
    now = now or utc_now()
    _require_admin(actor)
    external_id = f"{actor.id}:{key or uuid4()}"
    if earlier := _earlier(external_id):
        return earlier
    row = announcement_words.checked(wanted, actor, now)
    row.author_id, row.audience = actor.id, _audience(wanted)
    row.total = audiences.count(row.audience)
    if expected is not None and expected != row.total:
        raise Conflict(_("It goes to %(count)s people now. Look once more.", count=row.total))
    lock_for_writing()
    event_id = _insert_once(external_id, row, now)
    if event_id is None:  # The same was sent twice at the same moment.
        db.session.rollback()
        return _earlier(external_id) or create(actor, wanted, key=key, expected=expected, now=now)
    row.event_id = event_id
    db.session.add(row)
    db.session.flush()
    audit.record(
        "announcement.created", title_of(row), actor=actor, id=row.id, people=row.total, audience=_said(row)
    )
    if row.total <= AT_ONCE:
        announcement_writing.write_chunk(row, now)
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
    if row.state == "written" and not is_ahead(row, now):
        raise Conflict(_("Everybody has it: it can no longer be cancelled."))
    row.state, row.ended_at = "cancelled", now
    if is_ahead(row, now):
        retiring.withdraw(row.event_id, now)
        row.written = 0
    audit.record("announcement.cancelled", title_of(row), actor=actor, id=row.id, kept=row.written)
    db.session.commit()
    return row


def page(*, before: int | None = None, limit: int = 50) -> Page:
    """One page of all announcements, with their authors."""
    query = select(Announcement).options(joinedload(Announcement.author)).order_by(Announcement.id.desc())
    if before is not None:
        query = query.where(Announcement.id < before)
    rows = list(db.session.scalars(query.limit(limit + 1)))
    return Page(rows[:limit], rows[limit - 1].id if len(rows) > limit else None)


def get(announcement_id: int) -> Announcement:
    """One announcement. Raises NotFound."""
    row = db.session.get(Announcement, announcement_id)
    if row is None:
        raise NotFound(_("There is no such announcement."))
    return row


def notification_ids(row: Announcement) -> list[tuple[str, int]]:
    """Who got it and as which notification, up to 100 of them."""
    found = db.session.execute(
        select(User.email, Notification.id)
        .join(Notification, Notification.recipient_id == User.id)
        .where(Notification.event_id == row.event_id)
        .order_by(Notification.id)
        .limit(AT_ONCE)
    )
    return [(email, number) for email, number in found]


def progress(row: Announcement) -> Mapping[str, Counter[str]]:
    """How many deliveries stand where: counts of the outcomes of the delivery log, for each channel."""
    counts: dict[str, Counter[str]] = {}
    found = db.session.execute(
        select(Delivery.channel, Delivery.state, func.count())
        .join(Notification, Notification.id == Delivery.notification_id)
        .where(Notification.event_id == row.event_id)
        .group_by(Delivery.channel, Delivery.state)
    )
    names = {state: name for name, outcome in delivery_log.OUTCOMES.items() for state in outcome.states}
    for channel, state, number in found:
        counts.setdefault(channel, Counter())[names[state]] += number
    return counts


def is_ahead(row: Announcement, now: datetime) -> bool:
    """Whether its time has not come yet."""
    return row.deliver_at is not None and row.deliver_at > now


def title_of(row: Announcement) -> str:
    """What it is called in lists."""
    return row.title or row.template_name


def _audience(wanted: AnnouncementIn) -> audiences.Audience:
    return audiences.find(wanted.recipients, wanted.roles, everyone=wanted.everyone)


def _said(row: Announcement) -> str:
    """The audience without anybody's address."""
    return ", ".join(row.audience.get("roles", row.audience))


def _require_admin(actor: User) -> None:
    if not (actor.is_admin and actor.is_enabled):
        raise Forbidden(_("Only admins may announce something."))


def _insert_once(external_id: str, row: Announcement, now: datetime) -> int | None:
    insert = sqlite.insert if db.engine.dialect.name == "sqlite" else postgresql.insert
    audience = {name: value for name, value in row.audience.items() if name != "people"}
    return db.session.scalar(
        insert(Event)
        .values(
            source=SOURCE,
            external_id=external_id,
            type=ANNOUNCEMENT,
            occurred_at=now,
            received_at=now,
            data=audience,
        )
        .on_conflict_do_nothing()
        .returning(Event.id)
    )


def _earlier(external_id: str) -> Announcement | None:
    return db.session.scalar(
        select(Announcement)
        .join(Announcement.event)
        .where(Event.source == SOURCE, Event.external_id == external_id)
    )

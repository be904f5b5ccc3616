"""The log of deliveries, for admins: what left, what waits, what failed, and what was kept here instead."""

from __future__ import annotations

import email
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email import policy
from email.message import EmailMessage

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload, selectinload

from app.channels import CHANNELS
from app.extensions import db
from app.models import Delivery, Notification, User
from app.services import letters, verdicts
from app.services.errors import NotFound
from app.services.letters import Sender

# The ways out that there are, in the order of the filter.
WAYS = ("email", "in_app", *(name for name in CHANNELS if name != "email"))


@dataclass(frozen=True)
class Outcome:
    """How a group of states is shown: its word and the tone of its tag."""

    label: LazyString
    tone: str
    states: tuple[str, ...]


OUTCOMES = {
    "sent": Outcome(_l("Sent"), "ok", ("sent",)),
    "waiting": Outcome(_l("Waiting"), "info", ("pending", "claimed")),
    "retrying": Outcome(_l("Retrying"), "warn", ("retry_wait",)),
    "failed": Outcome(_l("Failed"), "bad", ("failed", "dead", "uncertain", "expired")),
    "withheld": Outcome(_l("Not sent"), "", ("skipped", "suppressed", "cancelled")),
}
OUTCOME_OF = {state: outcome for outcome in OUTCOMES.values() for state in outcome.states}
KINDS = {
    "invitation": _l("Invitation"),
    "password_reset": _l("Password reset"),
    "phone_code": _l("Code for a phone"),
    "test": _l("Test"),
}


@dataclass(frozen=True)
class Filters:
    """What the log shows: values of one field are alternatives, fields narrow each other.

    `person` is a part of a name or an address. The first instant is included, the last is not.
    """

    outcomes: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    person: str = ""
    notification_types: tuple[str, ...] = ()
    created_after: datetime | None = None
    created_before: datetime | None = None


@dataclass(frozen=True)
class Line:
    """One delivery with the words for it."""

    row: Delivery
    outcome: Outcome
    title: str
    verdict: str


@dataclass(frozen=True)
class Page:
    """Lines, newest first; `older` is the cursor of the next page, None at the end."""

    lines: list[Line]
    older: int | None


@dataclass(frozen=True)
class Letter:
    """A mail taken apart to be read; `was_kept` where it was kept here instead of sent."""

    headers: list[tuple[str, str]] = field(default_factory=list)
    text: str = ""
    html: str = ""
    files: list[tuple[str, str, str]] = field(default_factory=list)
    was_kept: bool = True


def page_for(reader: User, filters: Filters, *, before: int | None = None, limit: int = 50) -> Page:
    """One page of the log.

    Args:
        reader: whose clock and language the words are for.
        before: the `older` of the page before.
    """
    states = [state for name in filters.outcomes if name in OUTCOMES for state in OUTCOMES[name].states]
    query = select(Delivery).options(joinedload(Delivery.recipient), joinedload(Delivery.notification))
    if states:
        query = query.where(Delivery.state.in_(states))
    if filters.channels:
        query = query.where(Delivery.channel.in_(filters.channels))
    if filters.person:
        is_meant = or_(
            *(column.icontains(filters.person, autoescape=True) for column in (User.name, User.email))
        )
        query = query.where(Delivery.recipient_id.in_(select(User.id).where(is_meant)))
    if filters.notification_types:
        of_type = Notification.notification_type.in_(filters.notification_types)
        query = query.join(Notification, Notification.id == Delivery.notification_id).where(of_type)
    if filters.created_after:
        query = query.where(Delivery.created_at >= filters.created_after)
    if filters.created_before:
        query = query.where(Delivery.created_at < filters.created_before)
    if before is not None:
        query = query.where(Delivery.id < before)
    rows = db.session.scalars(query.order_by(Delivery.id.desc()).limit(limit + 1)).all()
    lines = [line(row, reader) for row in rows[:limit]]
    return Page(lines, rows[limit - 1].id if len(rows) > limit else None)


def get(delivery_id: int) -> Delivery:
    """One delivery with its attempts and the mail that was kept. Raises NotFound."""
    query = select(Delivery).where(Delivery.id == delivery_id)
    loaded = query.options(
        joinedload(Delivery.recipient),
        joinedload(Delivery.notification),
        joinedload(Delivery.captured),
        selectinload(Delivery.log),
    )
    row = db.session.scalars(loaded).one_or_none()
    if row is None:
        raise NotFound(_("There is no such delivery."))
    return row


def line(row: Delivery, reader: User) -> Line:
    """A delivery with its words, on its reader's clock."""
    title = row.notification.title if row.notification else str(KINDS.get(row.kind, row.kind))
    words = verdicts.words(
        row.state,
        row.reason,
        row.reason_data,
        time_zone=reader.time_zone,
        locale=reader.locale,
        due_at=row.due_at,
    )
    return Line(row, OUTCOME_OF[row.state], row.subject or title, words)


def letter(row: Delivery, sender: Sender) -> Letter | None:
    """The mail of a delivery, to be read: as it was kept, or put together again from the same stored words.

    None for other channels, and for account mails that left: their links are personal and not to be made again.
    """
    if row.captured is not None:
        return _taken_apart(email.message_from_bytes(row.captured.raw, policy=policy.default))
    if row.channel != "email" or row.notification is None:
        return None
    message = letters.compose(row, sender, row.sent_at or row.due_at)
    return Letter(
        headers=[("Subject", message.subject), ("Message-ID", message.id), *message.headers.items()],
        text=message.text,
        html=message.html,
        files=[
            (file.filename, file.content_type, file.body.decode("utf-8", "replace"))
            for file in message.attachments
        ],
        was_kept=False,
    )


def _taken_apart(mail: EmailMessage) -> Letter:
    return Letter(
        headers=[(name, str(value)) for name, value in mail.items()],
        text=_body(mail, "plain"),
        html=_body(mail, "html"),
        files=[_file(part) for part in mail.iter_attachments()],
    )


def _body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    return str(part.get_content()) if part is not None else ""


def _file(part: EmailMessage) -> tuple[str, str, str]:
    content: Sequence[int] | str = part.get_content()
    shown = content if isinstance(content, str) else bytes(content).decode("utf-8", "replace")
    return part.get_filename() or _("no name"), part.get_content_type(), shown

"""Composes the card of a delivery for a chat, to a person or to a room: title, facts, button, links and reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from urllib.parse import urlencode

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import select

from app.channels.base import Card, Message, PermanentFailure
from app.database.base import db
from app.models import Delivery, Notification, RoomMessage, TeamsAddress
from app.rendering import plain_text
from app.rendering.interview_facts import FactsReader, InterviewDetails
from app.rendering.key_facts import second_line
from app.services.base import secret_addresses
from app.services.base.recipients import TextReader
from app.services.interviews import reminder_texts
from app.services.rooms import management as rooms
from app.services.sending import endpoint_health
from app.services.sending.email import SiteIdentity, buttons_of, facts_of, fixed_texts, interview_snapshot
from app.services.sending.message_ids import message_id

# Types whose message takes the place of the earlier ones about the same interview.
MOVED = frozenset({"interview_rescheduled"})


def compose_chat(delivery: Delivery, site: SiteIdentity, now: datetime) -> Message:
    """Compose the message of a delivery in the language and time zone of its reader.

    Raises:
        PermanentFailure: there is nothing to send, or the address of the room cannot be read.
    """
    row = delivery.content
    if isinstance(row, RoomMessage):
        address = room_address(row, site)
        with force_locale(row.room.locale):
            card = _room_card(row, site, now)
    else:
        address = _personal_address(delivery, site)
        with force_locale(delivery.recipient.locale):
            card = _personal_card(delivery, row, site, now) if row else _test_card(site)
    return Message(
        id=message_id(delivery),
        address=address,
        subject=card.title,
        text=card.text,
        card=card,
        replaces=_find_replaced(delivery, row) if row else "",
    )


def room_address(row: RoomMessage, site: SiteIdentity) -> str:
    """Return the address of a message's room. Raises PermanentFailure if the application's key was changed."""
    return _readable(rooms.address_of(row.room, site.secret))


def _personal_address(delivery: Delivery, site: SiteIdentity) -> str:
    if delivery.channel != "teams":
        return delivery.address
    row = endpoint_health.find(delivery)
    if not isinstance(row, TeamsAddress):
        raise PermanentFailure(_("Teams was disconnected"))
    return _readable(secret_addresses.decrypt(row.encrypted_address, site.secret))


def _readable(address: str | None) -> str:
    if address is None:
        raise PermanentFailure(
            _("Bellhop's SECRET_KEY was changed. Enter the address of the chat again."), is_our_fault=True
        )
    return address


def _test_card(site: SiteIdentity) -> Card:
    return Card(
        title=_("Test from Bellhop"),
        text=_("Notifications will look like this."),
        button=(_("Open your inbox"), f"{site.base_url}/notifications"),
    )


def room_link(row: RoomMessage, site: SiteIdentity) -> str:
    """Return the page where each reader finds their own notifications about the candidate or the job."""
    url = f"{site.base_url}/notifications"
    for word, key in (("candidate", row.candidate_id), ("job", row.job_id)):
        if key:
            return f"{url}?" + urlencode({"place": "all", "q": f'{word}:"{key}"'})
    return url


def _personal_card(delivery: Delivery, row: Notification, site: SiteIdentity, now: datetime) -> Card:
    user = delivery.recipient
    fixed = fixed_texts(user.locale, row.notification_type, row.category, row.routed_by)
    links = (
        (fixed.read, f"{site.base_url}/notifications/{row.id}"),
        (fixed.preferences, f"{site.base_url}/preferences"),
    )
    title = plain_text.to_single_line(reminder_texts.texts_when_sent(delivery, row, now).title)
    return replace(_card(row, user, site, links, now), title=title, reason=fixed.reason)


def _room_card(row: RoomMessage, site: SiteIdentity, now: datetime) -> Card:
    fixed = fixed_texts(row.room.locale, row.notification_type, row.category)
    is_test = row.event_id is None
    reason = (
        "" if is_test else _("Posted because “%(room)s” gets notifications of this type.", room=row.room.name)
    )
    links = ((fixed.open_inbox, room_link(row, site)),)
    return replace(_card(row, row.room, site, links, now), reason=reason)


def _card(
    row: Notification | RoomMessage,
    reader: TextReader,
    site: SiteIdentity,
    links: tuple[tuple[str, str], ...],
    now: datetime,
) -> Card:
    """Build a card. Its button is what there is to do, or the first of the links."""
    interview = interview_snapshot(row)
    button, *others = [*buttons_of(row, interview, site, now), *links]
    return Card(
        title=plain_text.to_single_line(row.title),
        text=plain_text.to_single_line(second_line(row, reader.time_zone, reader.locale, now)),
        facts=_facts(row, interview, FactsReader(reader.time_zone, reader.locale, now)),
        button=button,
        links=tuple(others),
    )


def _facts(
    row: Notification | RoomMessage, interview: InterviewDetails | None, reader: FactsReader
) -> tuple[tuple[str, str], ...]:
    if interview is not None:
        facts = facts_of(row, interview, reader)
        return tuple((fact.label, plain_text.to_single_line(fact.plain)) for fact in facts)
    labels = {
        "candidate_name": _("Candidate"),
        "job_title": _("Job"),
        "stage": _("Stage"),
        "company_name": _("Company"),
    }
    known = row.facts or {}
    return tuple((label, known[name]) for name, label in labels.items() if known.get(name))


def _find_replaced(delivery: Delivery, row: Notification | RoomMessage) -> str:
    """Find the newest message about an interview that has moved, at the same address; "" if there is none."""
    if row.notification_type not in MOVED or row.interview_id is None:
        return ""
    is_to_room = isinstance(row, RoomMessage)
    model: type[RoomMessage | Notification] = RoomMessage if is_to_room else Notification
    key = Delivery.room_message_id if is_to_room else Delivery.notification_id
    earlier = (
        select(Delivery.remote_id)
        .join(model, model.id == key)
        .where(
            model.interview_id == row.interview_id,
            Delivery.channel == delivery.channel,
            Delivery.address == delivery.address,
            Delivery.remote_id.is_not(None),
            Delivery.id < delivery.id,
        )
        .order_by(Delivery.id.desc())
    )
    return db.session.scalar(earlier.limit(1)) or ""

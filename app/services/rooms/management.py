"""Rooms as admins add, change, pause and remove them, and their addresses, which are secrets."""

from __future__ import annotations

import base64
import hmac
import secrets as random_secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import func, select

from app import canonical_addresses, catalog
from app.channels import slack
from app.clock import utc_now
from app.database.base import db
from app.database.writing import writing
from app.models import Room, User
from app.services.base import audit, secret_addresses, validation
from app.services.base.errors import Conflict, Invalid, NotFound
from app.services.base.validation import InvalidValue
from app.services.rooms.posting import EVERYTHING

CHANNELS = ("slack", "teams", "webhook")
# Types that an event creates. The others concern one person.
TYPES = tuple(dict.fromkeys(e.notification_type for e in catalog.EVENTS.values() if e.notification_type))
MAX_ROOMS, MAX_SUBJECTS = 200, 100
# A room that was removed can be restored for this long.
UNDO_WITHIN = timedelta(days=1)


def list_rooms() -> Sequence[Room]:
    """List every room, oldest first."""
    return db.session.scalars(select(Room).where(Room.removed_at.is_(None)).order_by(Room.id)).all()


def list_removed() -> Sequence[Room]:
    """List the rooms that can be restored, the one removed last first."""
    is_recent = Room.removed_at > utc_now() - UNDO_WITHIN
    return db.session.scalars(select(Room).where(is_recent).order_by(Room.removed_at.desc())).all()


def get(room_id: int) -> Room:
    """Load a room as it is now. Raises NotFound."""
    query = select(Room).where(Room.id == room_id, Room.removed_at.is_(None))
    room = db.session.scalar(query.execution_options(populate_existing=True))
    if room is None:
        raise NotFound(_("Room not found. It may have been removed."))
    return room


def create(
    name: object,
    channel: str,
    address: object,
    subjects: object,
    *,
    actor: User,
    secret: str,
    is_confidential_allowed: bool = False,
    time_zone: str | None = None,
) -> Room:
    """Add a room.

    Args:
        channel: one of `CHANNELS`.
        address: an incoming webhook's URL, or the id of a channel in Slack.
        subjects: a list of `*`, `job:<id>`, `type:<notification type>` and `category:<category>`.
        secret: the application's key.
        time_zone: of the times in its messages; by default the actor's.
    Raises:
        Invalid: keyed by the arguments' names.
        Conflict: there are `MAX_ROOMS` rooms already.
    """
    errors: dict[str, str] = {}
    given: dict[str, Any] = {"name": name, "subjects": subjects, "time_zone": time_zone or actor.time_zone}
    values = _check(given, errors)
    if channel not in CHANNELS:
        errors["channel"] = _("Choose one of: %(names)s.", names=", ".join(CHANNELS))
    else:
        values["address"] = validation.collect(
            errors, "address", lambda text: _check_address(channel, text), address
        )
    if errors:
        raise Invalid(errors)
    with writing():
        kept = select(func.count()).select_from(Room).where(Room.removed_at.is_(None))
        if db.session.scalars(kept).one() >= MAX_ROOMS:
            raise Conflict(_("There can be at most %(most)s rooms. Remove one first.", most=MAX_ROOMS))
        room = Room(
            channel=channel,
            secret_salt=random_secrets.token_hex(16),
            is_confidential_allowed=is_confidential_allowed,
            locale=actor.locale,
        )
        _apply(room, values, secret)
        db.session.add(room)
        db.session.flush()
        audit.record("room.created", room.name, actor=actor, room=room.id, channel=channel)
    return room


def change(
    room_id: int,
    *,
    actor: User,
    secret: str,
    is_confidential_allowed: bool | None = None,
    is_paused: bool | None = None,
    **given: object,
) -> Room:
    """Change a room. A new address enables one that was disabled; so does resuming it.

    Args:
        given: any of `name`, `address`, `subjects` and `time_zone`; None leaves them unchanged.
    Raises:
        Invalid: keyed by the arguments' names.
        NotFound: the room does not exist.
    """
    errors: dict[str, str] = {}
    channel = get(room_id).channel
    address = given.pop("address", None)
    values = _check({name: value for name, value in given.items() if value is not None}, errors)
    if address is not None:
        values["address"] = validation.collect(
            errors, "address", lambda text: _check_address(channel, text), address
        )
    if errors:
        raise Invalid(errors)
    with writing(lock=Room, row_id=room_id) as room:
        if room is None or room.removed_at is not None:
            raise NotFound(_("Room not found. It may have been removed."))
        if is_confidential_allowed is not None:
            values["is_confidential_allowed"] = is_confidential_allowed
        if values:
            _apply(room, values, secret)
            audit.record("room.changed", room.name, actor=actor, room=room.id, fields=sorted(values))
        if is_paused is not None and (is_paused != room.is_paused or not room.is_enabled):
            room.paused_at = utc_now() if is_paused else None
            if not is_paused:
                room.enable()
            audit.record("room.paused" if is_paused else "room.resumed", room.name, actor=actor, room=room.id)
    return room


def remove(room_id: int, *, actor: User) -> Room:
    """Remove a room. It can be restored for a day; then it is deleted with its log. Raises NotFound."""
    return _set_removed(room_id, utc_now(), actor)


def restore(room_id: int, *, actor: User) -> Room:
    """Restore a removed room. Raises NotFound if it was deleted, or not removed."""
    return _set_removed(room_id, None, actor)


def address_of(room: Room, secret: str) -> str | None:
    """Decrypt a room's address; None if the application's key was changed."""
    return secret_addresses.decrypt(room.encrypted_address, secret)


def signing_secret(room: Room, secret: str) -> str:
    """Return the secret that signs the calls to a room's webhook (Standard Webhooks 1.0)."""
    seed = f"bellhop.room:{room.id}:{room.secret_salt}"
    return "whsec_" + base64.b64encode(hmac.digest(secret.encode(), seed.encode(), "sha256")).decode()


def _set_removed(room_id: int, removed_at: datetime | None, actor: User) -> Room:
    with writing(lock=Room, row_id=room_id) as room:
        if room is None or (room.removed_at is None) == (removed_at is None):
            raise NotFound(_("Room not found. It may have been removed."))
        room.removed_at = removed_at
        action = "room.restored" if removed_at is None else "room.removed"
        audit.record(action, room.name, actor=actor, room=room.id)
    return room


def _check(given: dict[str, Any], errors: dict[str, str]) -> dict[str, Any]:
    return {name: validation.collect(errors, name, CHECKS[name], value) for name, value in given.items()}


def _apply(room: Room, values: dict[str, Any], secret: str) -> None:
    address = values.get("address")
    for name, value in values.items():
        if name != "address":
            setattr(room, name, value)
    if address is not None:
        room.encrypted_address = secret_addresses.encrypt(address, secret)
        room.shown_address = secret_addresses.shorten(address)
        room.enable()


def _check_name(value: object) -> str:
    name = validation.text(value, most=100)
    if not name:
        raise InvalidValue(_("Enter a name."))
    return name


def _check_time_zone(value: object) -> str:
    if value not in validation.time_zones():
        raise InvalidValue(_("Choose a time zone from the list, such as Europe/Paris."))
    return str(value)


def _check_subjects(value: object) -> list[str]:
    if not isinstance(value, list) or not value:
        raise InvalidValue(_("Choose at least one notification type, category or job, or Everything."))
    if len(value) > MAX_SUBJECTS:
        raise InvalidValue(_("A room can have at most %(most)s subjects.", most=MAX_SUBJECTS))
    return list(dict.fromkeys(map(_check_subject, value)))


def _check_subject(value: object) -> str:
    kind, _colon, key = value.partition(":") if isinstance(value, str) else ("", "", "")
    if value == EVERYTHING:
        return EVERYTHING
    if kind == "job" and (job_id := validation.external_id(key)):
        return f"job:{job_id}"
    if (kind == "type" and key in TYPES) or (kind == "category" and key in catalog.CATEGORIES):
        return f"{kind}:{key}"
    raise InvalidValue(
        _(
            "“%(subject)s” is not a subject. Use *, job: and an ID, or one of: %(names)s.",
            subject=str(value)[:100],
            names=", ".join([*(f"category:{c}" for c in catalog.CATEGORIES), *(f"type:{t}" for t in TYPES)]),
        )
    )


CHECKS = {"name": _check_name, "subjects": _check_subjects, "time_zone": _check_time_zone}


def _check_address(channel: str, value: object) -> str:
    return _check_slack_address(value) if channel == "slack" else secret_addresses.public_url(value)


def _check_slack_address(value: object) -> str:
    address = canonical_addresses.trim(value) if isinstance(value, str) else ""
    if slack.is_channel_id(address):
        if not slack.has_bot():
            raise InvalidValue(
                _(
                    "Channel IDs need a bot, and SLACK_BOT_TOKEN is not set. Paste an incoming webhook instead."
                )
            )
        return address
    if not slack.is_webhook(address):
        raise InvalidValue(
            _("Paste an incoming webhook (https://hooks.slack.com/…), or a channel ID such as C0123456789.")
        )
    return address

"""Receives the calls of other systems: checks the signature, stores the body, and leaves the rest to a job."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select, update

from app.clock import utc_now
from app.database.base import db
from app.database.writing import BULK, insert_ignore
from app.models import Source, SourceCall
from app.services.base import validation
from app.services.base.errors import NotFound
from app.services.sources import connections
from app.sources import SOURCES
from app.sources.calls import CallInfo, digest, has_too_many_values

# Calls of one happening arrive within moments, in any order; they are mapped together, in the order of their times.
SETTLE = timedelta(seconds=3)
# A refused call is noted at most this often.
NOTE_REFUSED_EVERY = timedelta(minutes=1)
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
_PLAIN = re.compile(r"[ -~]+")


class Unreadable(Exception):
    """A body is not a JSON object, or holds too many values; `str(error)` is the code of the reason."""


def receive(
    public_id: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    secret: str,
    now: datetime | None = None,
    settle: timedelta = SETTLE,
) -> SourceCall | None:
    """Check and store a call.

    Args:
        headers: the header fields, with names in lower case.
        body: as received.
        secret: the application's key.
        settle: how long to wait for other calls of the same happening.
    Returns:
        The stored call, or the first one with the same id; None if the signature is missing or wrong.
    Raises:
        NotFound: no source has this address.
    """
    now = now or utc_now()
    source = db.session.scalar(select(Source).where(Source.public_id == public_id))
    if source is None:
        raise NotFound(_("Source not found. It may have been removed."))
    module = SOURCES[source.kind]
    if not module.verify(headers, body, connections.accepted_secrets(source, secret, now), now):
        _note_refused(source, now)
        return None
    try:
        info = module.describe_call(headers, read_document(body))
        state, reason = "waiting", ""
    except Unreadable as error:
        info, state, reason = CallInfo(digest(body.hex()), ""), "failed", str(error)
    if info.is_ping:
        state, reason = "ignored", "ping"
    elif source.is_paused and state == "waiting":
        state, reason = "ignored", "paused"
    values = {
        "source_id": source.id,
        "external_id": _plain(info.id, 255),
        "action": _plain(info.action, 100),
        "subject": _plain(info.subject, 255),
        "replaces": _plain(info.replaces, 255),
        "body": body,
        "state": state,
        "reason": reason,
        "reason_data": {},
        "occurred_at": _parse_time(info.occurred_at, now),
        "due_at": now + settle,
        "received_at": now,
    }
    db.session.execute(insert_ignore(SourceCall).values(values))
    seen = update(Source).where(Source.id == source.id).values(last_call_at=now)
    db.session.execute(seen, execution_options=BULK)
    db.session.commit()
    same = (SourceCall.source_id == source.id, SourceCall.external_id == values["external_id"])
    return db.session.scalars(select(SourceCall).where(*same)).one()


def read_document(body: bytes) -> dict[str, Any]:
    """Decode a body.

    Raises:
        Unreadable: not a JSON object, or too many values.
    """
    if has_too_many_values(body):
        raise Unreadable("too_many_values")
    try:
        document = _storable(json.loads(body))
    except (ValueError, RecursionError) as error:
        raise Unreadable("not_json") from error
    if not isinstance(document, dict):
        raise Unreadable("not_json")
    return document


def _storable(value: Any) -> Any:
    """Leave out the characters that a database cannot store."""
    if isinstance(value, str):
        return _UNSTORABLE.sub("", value)
    if isinstance(value, dict):
        return {_UNSTORABLE.sub("", name): _storable(inner) for name, inner in value.items()}
    return [_storable(inner) for inner in value] if isinstance(value, list) else value


def _note_refused(source: Source, now: datetime) -> None:
    if source.refused_at is None or source.refused_at < now - NOTE_REFUSED_EVERY:
        refused = update(Source).where(Source.id == source.id).values(refused_at=now)
        db.session.execute(refused, execution_options=BULK)
        db.session.commit()


def _plain(text: str, most: int) -> str:
    """The text, or its digest where it is too long or has characters that one of the databases cannot store."""
    return text if len(text) <= most and (not text or _PLAIN.fullmatch(text)) else digest(text)


def _parse_time(text: str, now: datetime) -> datetime:
    """The time in a body; the time of arrival if there is none, or it lies ahead."""
    try:
        return min(validation.instant(text), now)
    except validation.InvalidValue:
        return now

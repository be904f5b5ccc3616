"""The calls of a source for admins: what came, what became of it in a sentence, and mapping it again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import LazyString, format_decimal, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select
from sqlalchemy.orm import defer

from app.clock import utc_now
from app.database.base import db
from app.database.writing import writing
from app.models import SourceCall, User
from app.services.base import audit, paging
from app.services.base.errors import NotFound
from app.services.sources import connections

# Keyed by reason code. %(name)s are values of `reason_data`.
REASONS: dict[str, LazyString] = {
    "": _l("Waiting to be processed"),
    "ping": _l("Test of the connection: it works"),
    "paused": _l("The source was paused"),
    "no_event": _l("Bellhop has no notification for this"),
    "no_change": _l("It changes nothing that was notified"),
    "part_of_move": _l("Part of a move, which is notified once"),
    "outdated": _l("A newer change arrived first"),
    "unknown_interview": _l("Bellhop doesn't know this interview"),
    "published_before": _l("Notified earlier"),
    "no_accounts": _l("No account found for %(people)s"),
    "no_people": _l("It names no one, and no one follows this candidate or job"),
    "not_json": _l("The body is not a JSON object"),
    "too_many_values": _l("The body contains too many values"),
    "broken": _l("Bellhop couldn't process this call. The log has the details"),
}
STATES = ("mapped", "ignored", "unmapped_people", "failed", "waiting")
# The people that a sentence names.
MAX_NAMED = 3


@dataclass(frozen=True)
class CallRow:
    """A call with its outcome in a sentence."""

    row: SourceCall
    verdict: str


@dataclass(frozen=True)
class SourceCallPage:
    """One page of calls, newest first; `older` and `newer` are cursors, None at the ends."""

    rows: list[CallRow]
    older: int | None
    newer: int | None


def page_for(
    source_id: int,
    state: str = "",
    *,
    before: int | None = None,
    after: int | None = None,
    limit: int = 50,
) -> SourceCallPage:
    """Load one page of a source's calls, without their bodies. Raises NotFound.

    Args:
        state: one of `STATES`; empty shows all.
    """
    source = connections.get(source_id)
    query = select(SourceCall).where(SourceCall.source_id == source.id).options(defer(SourceCall.body))
    if state:
        query = query.where(SourceCall.state == state)
    fresh = query.execution_options(populate_existing=True)
    rows, older, newer = paging.newest_first(fresh, SourceCall.id, before=before, after=after, limit=limit)
    return SourceCallPage([describe(row) for row in rows], older, newer)


def count_failed(since: datetime) -> dict[int, int]:
    """Return the number of calls that failed since then, by the id of their source."""
    failed = select(SourceCall.source_id, func.count()).where(
        SourceCall.state == "failed", SourceCall.received_at >= since
    )
    return {row[0]: row[1] for row in db.session.execute(failed.group_by(SourceCall.source_id))}


def get(source_id: int, call_id: int) -> CallRow:
    """Load one call. Raises NotFound."""
    query = select(SourceCall).where(SourceCall.id == call_id, SourceCall.source_id == source_id)
    row = db.session.scalar(query.execution_options(populate_existing=True))
    if row is None:
        raise NotFound(_("Call not found. It may have been deleted."))
    return describe(row)


def readable_body(row: SourceCall) -> str:
    """A call's body for people: JSON is indented."""
    text = row.body.decode("utf-8", "replace")
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def replay(source_id: int, call_id: int, *, actor: User, now: datetime | None = None) -> CallRow:
    """Map a call again, within moments. No notification is sent twice. Raises NotFound."""
    with writing():
        found = get(source_id, call_id)
        found.row.state, found.row.reason, found.row.reason_data = "waiting", "", {}
        found.row.due_at = now or utc_now()
        audit.record("source.call_replayed", found.row.source.name, actor=actor, call=call_id)
    return describe(found.row)


def describe(row: SourceCall) -> CallRow:
    """Put the outcome of a call into a sentence."""
    return CallRow(row, _sentence(row.reason if row.state != "waiting" else "", row.reason_data))


def _sentence(reason: str, data: Mapping[str, Any]) -> str:
    named = list(data.get("people", []))
    names = ", ".join(named[:MAX_NAMED])
    if len(named) > MAX_NAMED:
        names = _("%(names)s and %(count)s more", names=names, count=len(named) - MAX_NAMED)
    if reason == "invalid":
        return str(data["detail"])
    if reason != "notified":
        return str(REASONS[reason]) % {"people": names, "detail": data.get("detail", "")}
    text = ngettext(
        "Notified %(n)s person", "Notified %(n)s people", data["count"], n=format_decimal(data["count"])
    )
    return _("%(text)s. No account found for %(names)s", text=text, names=names) if named else text

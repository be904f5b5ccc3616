"""Where a notification stands: the places of the inbox as SQL conditions."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BindParameter, ColumnElement, and_

from app.models import Notification

N = Notification
Clauses = list[ColumnElement[bool]]

# `surfaced_at <= now` hides what is scheduled, snoozed or not wanted in the app; see `standing`.
PLACES: dict[str, Clauses] = {
    "inbox": [N.archived_at.is_(None)],
    "unread": [N.archived_at.is_(None), N.read_at.is_(None)],
    "done": [N.archived_at.is_not(None)],
    "saved": [N.saved_at.is_not(None)],
    # Put off: it surfaces when the snooze ends, which the inbox's own index knows.
    "later": [N.archived_at.is_(None), and_(N.snoozed_until.is_not(None), N.snoozed_until == N.surfaced_at)],
    "all": [],
}


def conditions_for_place(place: str, now: datetime | BindParameter[datetime]) -> Clauses:
    """What is true of the rows that stand in a place at an instant."""
    return [N.surfaced_at > now if place == "later" else N.surfaced_at <= now, *PLACES[place]]

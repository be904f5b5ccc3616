"""Suggests the names of candidates, jobs and companies in a person's notifications while they type."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select

from app import search_text
from app.clock import utc_now
from app.database.base import db
from app.models import Notification
from app.services.notifications.conditions import has_name_like
from app.services.notifications.filters import InboxReader, visible_to
from app.services.notifications.search_query import NAMES

# The newest notifications that match are looked through.
MAX_ROWS, MAX_NAMES = 200, 6
# The facts of a notification that have these names; see `rendering.key_facts`.
FACTS = {"candidate": "candidate_name", "job": "job_title", "company": "company_name"}


class Name(NamedTuple):
    """A name, and what it names: a filter of the query language."""

    kind: str
    text: str

    @property
    def term(self) -> str:
        """The term that finds it."""
        return f'{self.kind}:"{self.text.replace(chr(34), " ")}"'


def suggest(user: InboxReader, text: str, now: datetime | None = None) -> tuple[Name, ...]:
    """List names in which the words of a text occur, the last perhaps unfinished: those in the newest notifications."""
    words = search_text.tokenize_query(text)
    if not words:
        return ()
    facts = (Notification.facts[name].as_string() for name in FACTS.values())
    query = (
        select(*facts)
        .where(*visible_to(user.id, now or utc_now()), has_name_like(words, user.id))
        .order_by(Notification.created_at.desc())
        .limit(MAX_ROWS)
    )
    found = dict.fromkeys(
        Name(kind, name)
        for row in db.session.execute(query)
        for kind, name in zip(NAMES, row, strict=True)
        if name and _contains(name, words)
    )
    return tuple(found)[:MAX_NAMES]


def _contains(name: str, words: list[str]) -> bool:
    *whole, last = words
    present = search_text.tokenize(name)
    return set(whole) <= set(present) and any(word.startswith(last) for word in present)

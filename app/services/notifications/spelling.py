"""Suggests another spelling for a search that finds nothing, if one typo in a word explains that."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from itertools import islice
from string import ascii_lowercase

from sqlalchemy import select

from app import search_text
from app.clock import utc_now
from app.database.base import db
from app.models import Notification
from app.services.notifications.conditions import has_any_word
from app.services.notifications.filters import InboxReader, visible_to
from app.services.notifications.search_query import Query

# A typo in a shorter word could be any other word. Longer ones would take too many spellings.
MIN_LENGTH, MAX_LENGTH = 4, 15
# How many different words of a search are checked. Each costs a query.
MAX_WORDS = 6
# The newest notifications that contain a similar word are looked through.
MAX_ROWS = 20


def correct(user: InboxReader, search: str, query: Query, now: datetime | None = None) -> str:
    """Return the search with one word spelled as this person's notifications spell it; empty if none is similar."""
    words = dict.fromkeys(
        word
        for term in query.terms
        if not term.is_not
        for word in term.words
        if MIN_LENGTH <= len(word) <= MAX_LENGTH
    )
    for word in islice(words, MAX_WORDS):
        if other := _similar_word(user, word, now or utc_now()):
            return _replace(search, word, other)
    return ""


def _similar_word(user: InboxReader, word: str, now: datetime) -> str:
    """Find the word in a person's notifications that most likely was meant; empty if the word itself is there."""
    spellings = _with_one_typo(word)
    rows = db.session.execute(
        select(Notification.title, Notification.message)
        .where(*visible_to(user.id, now), has_any_word([word, *sorted(spellings)], user.id))
        .order_by(Notification.created_at.desc())
        .limit(MAX_ROWS)
    )
    found: Counter[str] = Counter()
    texts: dict[str, str] = {}
    for row in rows:
        for text in row:
            for token in search_text.locate(text):
                if token.word == word:
                    return ""
                if token.word in spellings:
                    found[token.word] += 1
                    texts.setdefault(token.word, text[token.start : token.end])
    return texts[found.most_common(1)[0][0]] if found else ""


def _with_one_typo(word: str) -> set[str]:
    """Spell a word with one letter left out, added, changed, or swapped with the next."""
    halves = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    return {
        *(left + right[1:] for left, right in halves if right),
        *(left + right[1] + right[0] + right[2:] for left, right in halves if len(right) > 1),
        *(left + letter + right[1:] for left, right in halves if right for letter in ascii_lowercase),
        *(left + letter + right for left, right in halves for letter in ascii_lowercase),
    } - {word}


def _replace(search: str, word: str, other: str) -> str:
    for token in search_text.locate(search):
        if token.word == word:
            return search[: token.start] + other + search[token.end :]
    return ""

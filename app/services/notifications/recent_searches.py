"""A person's recent searches."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select

from app.clock import utc_now
from app.database.base import db
from app.database.compiled import CompiledStatement
from app.database.writing import writing
from app.models import RecentSearch, User
from app.services.base.cache import until_commit
from app.services.notifications import search_query
from app.services.notifications.filters import USER_ID

MAX_SEARCHES = 6
_NEWEST = CompiledStatement(
    select(RecentSearch.text)
    .where(RecentSearch.user_id == USER_ID)
    .order_by(RecentSearch.searched_at.desc())
    .limit(MAX_SEARCHES)
)


def recent_searches(user: User) -> list[str]:
    """List a person's recent searches, newest first."""

    def load() -> tuple[str, ...]:
        return tuple(row.text for row in _NEWEST.fetch(user_id=user.id))

    return list(until_commit(("recent searches", user.id), load))


def remember(user: User, text: str, now: datetime | None = None) -> None:
    """Add a search to the recent ones and drop the oldest beyond six. An empty search is ignored.

    Raises:
        Invalid: the search cannot be parsed; keyed `search`.
    """
    now, text = now or utc_now(), " ".join(text.split())
    if not search_query.parse(text, user.time_zone, now):
        return
    with writing():
        # One at a time for each person: two tabs may add the same search at once.
        db.session.scalar(select(User.id).where(User.id == user.id).with_for_update())
        db.session.merge(RecentSearch(user_id=user.id, text=text, searched_at=now))
        db.session.flush()
        is_old = RecentSearch.text.not_in(recent_searches(user))
        db.session.execute(delete(RecentSearch).where(RecentSearch.user_id == user.id, is_old))


def forget(user: User) -> None:
    """Delete all recent searches of a person, and commit."""
    db.session.execute(delete(RecentSearch).where(RecentSearch.user_id == user.id))
    db.session.commit()

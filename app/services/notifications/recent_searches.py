"""A person's recent searches."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select

from app.clock import utc_now
from app.database.base import db
from app.database.writing import writing
from app.models import RecentSearch, User
from app.services.notifications import search_query

MAX_SEARCHES = 6


def recent_searches(user: User) -> list[str]:
    """List a person's recent searches, newest first."""
    newest = (
        select(RecentSearch.text)
        .where(RecentSearch.user_id == user.id)
        .order_by(RecentSearch.searched_at.desc())
        .limit(MAX_SEARCHES)
    )
    return list(db.session.scalars(newest))


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

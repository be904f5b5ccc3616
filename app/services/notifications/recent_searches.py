"""What a person searched for last, to be searched for again."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Select, delete, select

from app.clock import utc_now
from app.database.base import db
from app.database.sqlite import lock_for_writing
from app.models import RecentSearch, User
from app.services.notifications import search_query

MAX_SEARCHES = 6
R = RecentSearch


def recent_searches(user: User) -> list[str]:
    """This person's last searches, the newest first."""
    return list(db.session.scalars(_newest(user)))


def remember(user: User, text: str, now: datetime | None = None) -> None:
    """Note a search; the oldest beyond six are forgotten.

    Raises:
        Invalid: it is not understood; keyed `search`.
    """
    now, text = now or utc_now(), " ".join(text.split())
    if not search_query.parse(text, user.time_zone, now):
        return
    lock_for_writing()
    # One at a time for each person: two tabs may note the same words at once.
    db.session.scalar(select(User.id).where(User.id == user.id).with_for_update())
    db.session.merge(R(user_id=user.id, text=text, searched_at=now))
    db.session.flush()
    db.session.execute(delete(R).where(R.user_id == user.id, R.text.not_in(recent_searches(user))))
    db.session.commit()


def forget(user: User) -> None:
    """Forget all of this person's searches."""
    db.session.execute(delete(R).where(R.user_id == user.id))
    db.session.commit()


def _newest(user: User) -> Select[str]:
    return select(R.text).where(R.user_id == user.id).order_by(R.searched_at.desc()).limit(MAX_SEARCHES)

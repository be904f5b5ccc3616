"""The audit log. Who writes an entry commits it, so that an entry and its cause stand or fall together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import aliased, joinedload

from app.database.base import db
from app.models import AuditEntry, User
from app.services.base import paging


@dataclass(frozen=True)
class AuditPage:
    """Some entries, newest first; `older` is the cursor of the next page, None at the end."""

    rows: list[AuditEntry]
    older: int | None


def record(action: str, subject: str = "", *, actor: User | None = None, **detail: Any) -> None:
    """Add an entry to the audit log, in the caller's transaction.

    Args:
        action: noun and verb, such as `template.published`.
        subject: what it was done to, in words or as an address; shown as text.
        actor: who did it; None for the system itself.
        detail: plain JSON values; never a password, token or key.
    """
    db.session.add(
        AuditEntry(action=action, subject=subject[:300], actor_id=actor.id if actor else None, detail=detail)
    )


def page_for(*, action: str = "", person: str = "", before: int | None = None, limit: int = 50) -> AuditPage:
    """One page of the log.

    Args:
        action: only entries of this action.
        person: an address; only what this person did, or what was done to them.
        before: the `older` of the page before.
    """
    query = select(AuditEntry).options(joinedload(AuditEntry.actor))
    if action:
        query = query.where(AuditEntry.action == action)
    if person:
        actor = select(User.id).where(User.email == person).scalar_subquery()
        query = query.where(or_(AuditEntry.actor_id == actor, AuditEntry.subject == person))
    rows, older, _newer = paging.newest_first(query, AuditEntry.id, before=before, limit=limit)
    return AuditPage(rows, older)


def actions() -> list[str]:
    """Every action in the log, sorted; jumps from one to the next in the index, however long the log is."""
    seen = select(func.min(AuditEntry.action).label("action")).cte("seen", recursive=True)
    last = aliased(seen)
    following = select(func.min(AuditEntry.action)).where(AuditEntry.action > last.c.action).scalar_subquery()
    seen = seen.union_all(select(following).where(last.c.action.is_not(None)))
    return list(db.session.scalars(select(seen.c.action).where(seen.c.action.is_not(None))))

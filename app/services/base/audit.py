"""The audit log. Entries are written in the transaction of what they record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import aliased, joinedload

from app import addresses
from app.database.base import db
from app.models import AuditEntry, User
from app.services.base import paging


@dataclass(frozen=True)
class AuditPage:
    """One page of entries, newest first; `older` is the cursor of the next page, None at the end."""

    rows: list[AuditEntry]
    older: int | None


def record(action: str, subject: str = "", *, actor: User | None = None, **detail: Any) -> None:
    """Add an entry to the audit log, in the caller's transaction.

    Args:
        action: noun and verb, such as `template.published`.
        subject: what it was done to: a name or an address, shown as text.
        actor: who did it; None for the system itself.
        detail: plain JSON values; never a password, token or key.
    """
    db.session.add(
        AuditEntry(action=action, subject=subject[:300], actor_id=actor.id if actor else None, detail=detail)
    )


def page_for(*, action: str = "", person: str = "", before: int | None = None, limit: int = 50) -> AuditPage:
    """Load one page of the log.

    Args:
        action: only entries of this action.
        person: an email address: only what this person did, or what was done to them.
        before: the `older` of the previous page.
    """
    query = select(AuditEntry).options(joinedload(AuditEntry.actor))
    if action:
        query = query.where(AuditEntry.action == action)
    if person:
        email = addresses.key(person)
        actor = select(User.id).where(User.email == email).scalar_subquery()
        query = query.where(or_(AuditEntry.actor_id == actor, AuditEntry.subject == email))
    rows, older, _newer = paging.newest_first(query, AuditEntry.id, before=before, limit=limit)
    return AuditPage(rows, older)


def actions() -> list[str]:
    """List every action in the log, sorted. Skips through the index, so the length of the log does not matter."""
    found = select(func.min(AuditEntry.action).label("action")).cte("found", recursive=True)
    last = aliased(found)
    following = select(func.min(AuditEntry.action)).where(AuditEntry.action > last.c.action).scalar_subquery()
    found = found.union_all(select(following).where(last.c.action.is_not(None)))
    return list(db.session.scalars(select(found.c.action).where(found.c.action.is_not(None))))

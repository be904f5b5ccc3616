"""The audit log. Entries are written in the transaction of what they record."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import joinedload

from app import canonical_addresses
from app.database.base import db
from app.models import AuditEntry, User
from app.services.base import paging, recipients

CHUNK = 500


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


@dataclass(frozen=True)
class AuditFilters:
    """The filters of the log; all must match.

    Args:
        actions: only entries with one of these actions; empty: all.
        person: an address, or part of a name or an address: only what these people did, or what was done to them.
        since: inclusive.
        until: exclusive.
    """

    actions: Collection[str] = ()
    person: str = ""
    since: datetime | None = None
    until: datetime | None = None


EVERYTHING = AuditFilters()


def page_for(filters: AuditFilters = EVERYTHING, *, before: int | None = None, limit: int = 50) -> AuditPage:
    """Load one page of the log.

    Args:
        before: the `older` of the previous page.
    """
    rows, older, _newer = paging.newest_first(_query(filters), AuditEntry.id, before=before, limit=limit)
    return AuditPage(rows, older)


def iterate(filters: AuditFilters) -> Iterator[AuditEntry]:
    """Yield all entries, newest first, a page at a time."""
    before: int | None = None
    while True:
        page = page_for(filters, before=before, limit=CHUNK)
        yield from page.rows
        if page.older is None:
            return
        before = page.older


def _query(filters: AuditFilters) -> Select[AuditEntry]:
    query = select(AuditEntry).options(joinedload(AuditEntry.actor))
    if filters.actions:
        query = query.where(AuditEntry.action.in_(filters.actions))
    if filters.person:
        email = canonical_addresses.key(filters.person)
        is_meant = or_(User.email == email, recipients.matches_person(filters.person))
        query = query.where(
            or_(
                AuditEntry.actor_id.in_(select(User.id).where(is_meant)),
                AuditEntry.subject.in_(select(User.email).where(is_meant)),
                AuditEntry.subject == email,
            )
        )
    if filters.since:
        query = query.where(AuditEntry.at >= filters.since)
    if filters.until:
        query = query.where(AuditEntry.at < filters.until)
    return query

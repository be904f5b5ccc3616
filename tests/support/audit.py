"""Read the audit log."""

from __future__ import annotations

from sqlalchemy import select

from app.database.base import db
from app.models import AuditEntry


def audit_entries(action: str) -> list[AuditEntry]:
    """Return the entries of one action, oldest first."""
    return list(
        db.session.scalars(select(AuditEntry).where(AuditEntry.action == action).order_by(AuditEntry.id))
    )

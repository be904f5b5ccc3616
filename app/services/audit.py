"""Writing the audit log. The caller commits, so that an entry and its cause stand or fall together."""

from __future__ import annotations

from typing import Any

from app.extensions import db
from app.models import AuditEntry, User


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

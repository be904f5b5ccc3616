"""Drafts of announcements: the form as typed, unchecked. Each admin sees only their own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from app.clock import utc_now
from app.database.base import db
from app.database.writing import writing
from app.models import AnnouncementDraft, User
from app.services.base.errors import Invalid, NotFound

MAX_DRAFTS = 50


def list_for(author: User) -> list[AnnouncementDraft]:
    """List a person's drafts, the last changed first."""
    query = select(AnnouncementDraft).where(AnnouncementDraft.author_id == author.id)
    return list(db.session.scalars(query.order_by(AnnouncementDraft.updated_at.desc(), AnnouncementDraft.id)))


def get(author: User, draft_id: int) -> AnnouncementDraft:
    """Load a draft. Raises NotFound for another's."""
    query = select(AnnouncementDraft)
    mine = query.where(AnnouncementDraft.id == draft_id, AnnouncementDraft.author_id == author.id)
    row = db.session.scalars(mine).one_or_none()
    if row is None:
        raise NotFound(_("Draft not found. It may have been sent or deleted."))
    return row


def save(
    author: User, form: Mapping[str, Any], draft_id: int | None = None, *, now: datetime | None = None
) -> AnnouncementDraft:
    """Keep a form, and commit. One that was kept as it is needs no second draft.

    Args:
        form: plain JSON values.
        draft_id: the draft to replace.
    Raises:
        NotFound: it is another's, or gone.
        Invalid: keyed `general`: the author has many drafts.
    """
    with writing():
        row = get(author, draft_id) if draft_id is not None else _find_same(author, form)
        row.form, row.updated_at = dict(form), now or utc_now()
    return row


def _find_same(author: User, form: Mapping[str, Any]) -> AnnouncementDraft:
    """Return the draft with this very form, or a new one. Raises Invalid."""
    mine = list_for(author)
    text = json.dumps(form, sort_keys=True)
    if same := next((row for row in mine if json.dumps(row.form, sort_keys=True) == text), None):
        return same
    if len(mine) >= MAX_DRAFTS:
        raise Invalid({"general": _("You have %(most)s drafts. Delete one first.", most=MAX_DRAFTS)})
    row = AnnouncementDraft(author_id=author.id)
    db.session.add(row)
    return row


def delete(author: User, draft_id: int) -> None:
    """Delete a draft, and commit. Raises NotFound for another's."""
    with writing():
        db.session.delete(get(author, draft_id))

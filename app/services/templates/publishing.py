"""How words go live, always as the next version: an admin's draft, new words at once, the built-in ones again."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from flask_babel import gettext as _

from app.clock import utc_now
from app.database.base import db
from app.models import NotificationTemplate, TemplateDraft, TemplateVersion, User
from app.rendering import html_sanitizer
from app.rendering.texts import one_line
from app.services.base import audit
from app.services.base.errors import Conflict, Forbidden, Invalid
from app.services.templates import drafts, validation
from app.services.templates.drafts import TemplateContent


def publish(
    template_id: int,
    *,
    actor: User,
    note: str = "",
    brings: Collection[str] = (),
    reviewed: str | None = None,
    now: datetime | None = None,
) -> TemplateVersion:
    """Make the actor's draft live, as the next version.

    Args:
        brings: variables that callers of a custom template bring themselves; see `template_checks.unbrought`.
        reviewed: the `stamp` of the draft as the actor read it.
    Raises:
        NotFound: there is no such template.
        Conflict: the actor has no draft, somebody else published since it was begun, or it was changed after it
            was reviewed; the draft stays.
        Invalid: these words cannot go live; keyed by field. The draft stays.
    """
    template = drafts.get_for_update(template_id)
    draft = drafts.find(template_id, actor)
    if draft is None or draft.base_version != template.version:
        db.session.rollback()
        if draft is None:
            raise Conflict(_("There is nothing to publish: what you see is live already."))
        raise Conflict(
            _("Somebody else has published version %(number)s meanwhile.", number=template.version)
        )
    if reviewed is not None and reviewed != draft_revision(draft):
        db.session.rollback()
        raise Conflict(
            _("Your draft was changed after you reviewed it. Look once more before you publish it.")
        )
    edited = TemplateContent.of(draft)
    _require_publishable(template, edited, brings)
    db.session.delete(draft)
    version = go_live(template, edited, actor, note, now or utc_now())
    db.session.commit()
    return version


def draft_revision(draft: TemplateDraft) -> str:
    """Another one whenever the draft says something else."""
    return draft.updated_at.isoformat()


def reset(template_id: int, *, actor: User, now: datetime | None = None) -> NotificationTemplate:
    """Make the words that Bellhop came with live again, as the next version.

    Raises:
        NotFound: there is no such template.
        Forbidden: it is not a built-in one.
    """
    template = drafts.get_for_update(template_id)
    if not template.is_builtin:
        db.session.rollback()
        raise Forbidden(_("Only built-in templates have words to go back to."))
    edited = TemplateContent.built_in(template.notification_type)
    if edited != TemplateContent.of(template):
        go_live(template, edited, actor, _("Back to the built-in words"), now or utc_now())
    db.session.commit()
    return template


def rewrite(
    template_id: int,
    edited: TemplateContent,
    *,
    actor: User,
    expected: int | None = None,
    note: str = "",
    brings: Collection[str] = (),
    now: datetime | None = None,
) -> NotificationTemplate:
    """Make these words live at once, as the next version; the same words make none. Drafts stay as they are.

    Args:
        expected: the version that the actor has seen.
        brings: as for `publish`.
    Raises:
        NotFound: there is no such template.
        Conflict: the live version is another one than expected.
        Invalid: these words cannot go live; keyed by field.
    """
    edited = drafts.usable_content(edited)
    template = drafts.get_for_update(template_id)
    if expected is not None and expected != template.version:
        db.session.rollback()
        raise Conflict(
            _("Somebody else has published version %(number)s meanwhile.", number=template.version)
        )
    _require_publishable(template, edited, brings)
    if edited != TemplateContent.of(template):
        go_live(template, edited, actor, note, now or utc_now())
    db.session.commit()
    return template


def go_live(
    template: NotificationTemplate,
    edited: TemplateContent,
    actor: User,
    note: str,
    now: datetime,
    *,
    action: str = "template.published",
) -> TemplateVersion:
    """Write the words into the template and its history, in the caller's transaction. They were checked before."""
    kept = replace(edited, email_html=html_sanitizer.sanitize_template(edited.email_html))
    kept.write_to(template)
    template.version += 1
    template.updated_at = now
    version = TemplateVersion(
        template_id=template.id,
        number=template.version,
        author_id=actor.id,
        created_at=now,
        note=one_line(note)[:200] or None,
    )
    kept.write_to(version)
    db.session.add(version)
    audit.record(action, template.name, actor=actor, version=template.version)
    return version


def _require_publishable(
    template: NotificationTemplate, edited: TemplateContent, brings: Collection[str]
) -> None:
    errors = validation.find_errors(template, edited)
    if unbrought := [
        name for name in validation.undeclared_variables(template, edited) if name not in brings
    ]:
        names = ", ".join(unbrought)[:200]
        errors["brings"] = _(
            "Nobody brings a value for: %(names)s. Say that callers do, or take it out.", names=names
        )
    if errors:
        db.session.rollback()
        raise Invalid(errors)

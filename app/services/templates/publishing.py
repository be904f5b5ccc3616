"""Changes of live templates: each change of the content is a new version."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from flask_babel import gettext as _

from app.catalog import DAILY_DIGEST
from app.clock import utc_now
from app.database.base import db
from app.database.writing import writing
from app.models import NotificationTemplate, TemplateDraft, TemplateVersion, User
from app.rendering import html_sanitizer
from app.rendering.texts import one_line
from app.services.base import audit
from app.services.base.errors import Conflict, Forbidden, Invalid
from app.services.routing import digest_coverage
from app.services.templates import drafts, validation
from app.services.templates.drafts import TemplateContent


def publish(
    template_id: int,
    *,
    actor: User,
    note: str = "",
    declared: Collection[str] = (),
    reviewed: str | None = None,
    now: datetime | None = None,
) -> TemplateVersion:
    """Publish the actor's draft as the next version.

    Args:
        declared: undeclared variables that callers of a custom template will supply.
        reviewed: the `draft_revision` that the actor reviewed.
    Raises:
        NotFound: the template does not exist.
        Conflict: the actor has no draft, another version was published since, or the draft was changed after the
            review. The draft is kept.
        Invalid: keyed by field: the content cannot go live. The draft is kept.
    """
    with writing():
        template = drafts.get_for_update(template_id)
        draft = drafts.find(template_id, actor)
        if draft is None:
            raise Conflict(_("Nothing to publish. This content is already live."))
        if draft.base_version != template.version:
            raise _version_conflict(template)
        if reviewed is not None and reviewed != draft_revision(draft):
            raise Conflict(_("Your draft was changed after you reviewed it. Review it again."))
        content = TemplateContent.from_row(draft)
        _require_publishable(template, content, declared)
        db.session.delete(draft)
        return go_live(template, content, actor, note, now or utc_now())


def draft_revision(draft: TemplateDraft) -> str:
    """Return a text that changes whenever the draft does."""
    return draft.updated_at.isoformat()


def reset(template_id: int, *, actor: User, now: datetime | None = None) -> NotificationTemplate:
    """Publish the built-in content again, as the next version.

    Raises:
        NotFound: the template does not exist.
        Forbidden: it is not built in.
    """
    with writing():
        template = drafts.get_for_update(template_id)
        if not template.is_builtin:
            raise Forbidden(_("Only built-in templates can be reset."))
        content = TemplateContent.built_in(template.notification_type)
        if content != TemplateContent.from_row(template):
            go_live(template, content, actor, _("Built-in text"), now or utc_now())
    return template


def rewrite(
    template_id: int,
    content: TemplateContent,
    *,
    actor: User,
    expected: int | None = None,
    note: str = "",
    declared: Collection[str] = (),
    is_active: bool | None = None,
    now: datetime | None = None,
) -> NotificationTemplate:
    """Publish content directly, as the next version. Unchanged content makes no version. Drafts are not touched.

    Args:
        expected: the version that the actor has seen.
        declared: as for `publish`.
        is_active: whether to activate or deactivate it as well; None leaves it.
    Raises:
        NotFound: the template does not exist.
        Conflict: another version is live.
        Invalid: keyed by field: the content cannot go live.
    """
    content = drafts.usable_content(content)
    with writing():
        template = drafts.get_for_update(template_id)
        if expected is not None and expected != template.version:
            raise _version_conflict(template)
        _require_publishable(template, content, declared)
        if content != TemplateContent.from_row(template):
            go_live(template, content, actor, note, now or utc_now())
        if is_active is not None:
            _set_active(template, actor, is_active=is_active)
    return template


def set_active(template_id: int, *, is_active: bool, actor: User) -> NotificationTemplate:
    """Activate or deactivate a template. While it is inactive, nothing is sent over any channel.

    Raises:
        NotFound: the template does not exist.
    """
    with writing():
        template = drafts.get_for_update(template_id)
        _set_active(template, actor, is_active=is_active)
    return template


def go_live(
    template: NotificationTemplate,
    content: TemplateContent,
    actor: User,
    note: str,
    now: datetime,
    *,
    action: str = "template.published",
) -> TemplateVersion:
    """Write content into the template and its history, in the caller's transaction. It has been checked before."""
    sanitized = replace(content, email_html=html_sanitizer.sanitize_template(content.email_html))
    sanitized.write_to(template)
    template.version += 1
    template.updated_at = now
    version = TemplateVersion(
        template_id=template.id,
        number=template.version,
        author_id=actor.id,
        created_at=now,
        note=one_line(note)[:200] or None,
    )
    sanitized.write_to(version)
    db.session.add(version)
    audit.record(action, template.name, actor=actor, version=template.version)
    return version


def _set_active(template: NotificationTemplate, actor: User, *, is_active: bool) -> None:
    if template.is_active == is_active:
        return
    template.is_active = is_active
    template.updated_at = utc_now()
    audit.record("template.switched_on" if is_active else "template.switched_off", template.name, actor=actor)
    if template.name == DAILY_DIGEST:
        digest_coverage.release_uncovered(utc_now())


def _require_publishable(
    template: NotificationTemplate, content: TemplateContent, declared: Collection[str]
) -> None:
    errors = validation.find_errors(template, content)
    undeclared = [name for name in validation.undeclared_variables(template, content) if name not in declared]
    if undeclared:
        errors["brings"] = _(
            "No caller supplies %(names)s. Confirm that callers will, or remove it.",
            names=", ".join(undeclared)[:200],
        )
    if errors:
        raise Invalid(errors)


def _version_conflict(template: NotificationTemplate) -> Conflict:
    return Conflict(_("Someone else published version %(number)s in the meantime.", number=template.version))

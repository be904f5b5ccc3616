"""Notification templates, for admins."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from apiflask import APIBlueprint
from flask import Response, current_app, request
from flask_babel import gettext as _

from app.api.http.auth import caller, requires
from app.api.http.problems import problem
from app.api.http.request_body import json_body, list_call
from app.api.http.responses import json_response, short_json_response, with_etag
from app.api.schemas.base import KeyPaged, SearchKeyPaged
from app.api.schemas.templates import (
    PreviewOut,
    TemplateChange,
    TemplateIn,
    TemplateList,
    TemplateOut,
    TemplatePreviewIn,
    TemplateReplacement,
    VersionList,
    VersionOut,
)
from app.services.base.errors import Conflict, Invalid
from app.services.sending.email import SiteIdentity
from app.services.templates import management as template_management
from app.services.templates import preview as template_preview
from app.services.templates import publishing as template_publishing
from app.services.templates import samples as template_samples
from app.services.templates import versions as template_versions
from app.services.templates.drafts import TemplateContent

bp = APIBlueprint("templates", __name__, url_prefix="/notifications/templates", tag="Templates")


@bp.get("/")
@requires("admin")
@list_call(bp, TemplateList, SearchKeyPaged)
def list_templates(query: SearchKeyPaged) -> Response:
    """List templates"""
    templates = template_management.list_templates(query.search)
    return short_json_response(
        TemplateList,
        templates,
        query,
        key=lambda row: [row.notification_type, not row.is_builtin, row.name],
    )


@bp.post("/")
@requires("admin")
@bp.output(TemplateOut, status_code=201, example={"version": 1})
@json_body(TemplateIn)
def create_template(body: TemplateIn) -> Response:
    """Create a template

    Announcements refer to it by `template_name`. Fields that are left out are copied from the template of its type.
    """
    template = template_management.create(
        body.name, body.notification_type, actor=caller().user, changes=body.given()
    )
    return _response(template, 201)


@bp.get("/<row_id:template_id>/")
@requires("admin")
@bp.output(TemplateOut)
def show_template(template_id: int) -> Response:
    """Get a template

    Send its `ETag` as `If-Match` when you change it.
    """
    return _response(template_management.get(template_id))


@bp.put("/<row_id:template_id>/")
@requires("admin")
@bp.output(TemplateOut)
@json_body(TemplateReplacement)
def replace_template(body: TemplateReplacement, template_id: int) -> Response:
    """Replace a template's content

    Takes the complete template as GET returns it. Read-only fields must be unchanged.
    """
    template = template_management.get(template_id)
    read_only = ("id", "name", "notification_type", "is_builtin", "created_at")
    if changed := [name for name in read_only if getattr(body, name) not in (None, getattr(template, name))]:
        raise Invalid({name: _("This field cannot be changed.") for name in changed})
    if body.version not in (None, template.version):
        return _precondition_failed()
    return _change(template_id, TemplateContent(**body.given()), body)


@bp.patch("/<row_id:template_id>/")
@requires("admin")
@bp.output(TemplateOut)
@json_body(TemplateChange)
def change_template(body: TemplateChange, template_id: int) -> Response:
    """Change parts of a template

    Fields that are left out keep their values.
    """
    content = replace(TemplateContent.from_row(template_management.get(template_id)), **body.given())
    return _change(template_id, content, body)


@bp.delete("/<row_id:template_id>/")
@requires("admin")
@bp.output({}, status_code=204)
def delete_template(template_id: int) -> Response:
    """Delete a custom template

    Built-in templates can only be reset.
    """
    template = template_management.get(template_id)
    if not _matches_precondition(template):
        return _precondition_failed()
    template_management.delete(template_id, actor=caller().user)
    return Response(status=204)


@bp.post("/<row_id:template_id>/preview/")
@requires("admin")
@bp.output(PreviewOut)
@json_body(TemplatePreviewIn)
def preview_template(body: TemplatePreviewIn, template_id: int) -> Response:
    """Preview a template

    Nothing is saved or sent. If `context` lacks a required variable, `problem` says so.
    """
    template = template_management.get(template_id)
    if body.context is None:
        data = template_samples.sample_data(template.notification_type, "sample")
    else:
        data = template_samples.validate_context(body.context)
    content = replace(TemplateContent.from_row(template), **body.given())
    preview = template_preview.preview(
        template,
        content,
        data,
        caller().user,
        SiteIdentity.from_config(current_app.config),
        is_complete=body.context is not None,
    )
    return json_response(
        PreviewOut.model_validate({**vars(preview), "sms_segments": preview.sms_size.segments})
    )


@bp.get("/<row_id:template_id>/versions/")
@requires("admin")
@list_call(bp, VersionList, KeyPaged)
def list_template_versions(query: KeyPaged, template_id: int) -> Response:
    """List a template's versions"""
    rows = template_versions.list_versions(template_management.get(template_id))
    return short_json_response(VersionList, rows, query, lambda row: [-row.number], _version_output)


@bp.post("/<row_id:template_id>/reset/")
@requires("admin")
@bp.output(TemplateOut, example={"name": "job_created", "is_builtin": True})
def reset_template(template_id: int) -> Response:
    """Reset a built-in template to its default content"""
    return _response(template_publishing.reset(template_id, actor=caller().user))


def _change(template_id: int, content: TemplateContent, body: TemplateChange) -> Response:
    template = template_management.get(template_id)
    if not _matches_precondition(template):
        return _precondition_failed()
    expected = template.version if request.if_match else None
    try:
        template = template_publishing.rewrite(
            template_id,
            content,
            actor=caller().user,
            expected=expected,
            note=body.note,
            declared=body.brings,
            is_active=body.is_active,
        )
    except Conflict:
        return _precondition_failed()
    return _response(template)


def _response(template: Any, status: int = 200) -> Response:
    return with_etag(json_response(TemplateOut.model_validate(template), status), _etag(template))


def _etag(template: Any) -> str:
    return f"{template.id}-{template.version}-{int(template.is_active)}"


def _matches_precondition(template: Any) -> bool:
    """Whether `If-Match` is absent or names the current version (RFC 9110, 13.1.1)."""
    return not request.if_match or request.if_match.contains(_etag(template))


def _precondition_failed() -> Response:
    return problem(412, _("The template was changed in the meantime. Reload it and try again."))


def _version_output(row: Any) -> VersionOut:
    return VersionOut.model_validate(
        {name: getattr(row, name) for name in VersionOut.model_fields if name != "author"}
        | {"author": row.author.email if row.author else None}
    )

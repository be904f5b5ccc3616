"""An admin's draft of a template: restored from an old version, inspected, published."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response
from flask_babel import gettext as _

from app.api.http.auth import caller, requires
from app.api.http.problems import problem
from app.api.http.request_body import json_body
from app.api.http.responses import json_response
from app.api.schemas.templates import DraftOut, Publication, Restore, TemplateOut
from app.services.templates import drafts as template_drafts
from app.services.templates import management as template_management
from app.services.templates import publishing as template_publishing

bp = APIBlueprint("template_drafts", __name__, url_prefix="/notifications/templates", tag="Templates")

TEMPLATE = "/<row_id:template_id>"


@bp.post(f"{TEMPLATE}/restore/")
@requires("admin")
@bp.output(DraftOut)
@json_body(Restore)
def restore_template(body: Restore, template_id: int) -> Response:
    """Restore an old version as your draft

    Nothing goes live until you publish the draft, and the version history is kept. 409 if you have a different draft
    (unless `replaces_draft` is true), or if that content is already live.
    """
    draft = template_drafts.restore(
        template_id, body.version, author=caller().user, replaces_draft=body.replaces_draft
    )
    if draft is None:
        return problem(409, _("Nothing to publish. This content is already live."))
    return json_response(DraftOut.model_validate(draft))


@bp.get(f"{TEMPLATE}/draft/")
@requires("admin")
@bp.output(DraftOut)
def show_template_draft(template_id: int) -> Response:
    """Get your draft of a template

    The same draft that the editor shows. Each admin has their own.
    """
    draft = template_drafts.get(template_management.get(template_id).id, caller().user)
    return json_response(DraftOut.model_validate(draft))


@bp.delete(f"{TEMPLATE}/draft/")
@requires("admin")
@bp.output({}, status_code=204)
def discard_template_draft(template_id: int) -> Response:
    """Discard your draft of a template"""
    template_drafts.discard(template_id, author=caller().user)
    return Response(status=204)


@bp.post(f"{TEMPLATE}/publish/")
@requires("admin")
@bp.output(TemplateOut)
@json_body(Publication)
def publish_template(body: Publication, template_id: int) -> Response:
    """Publish your draft of a template

    It becomes the next version. 409 if there is no draft, or if someone else published after you started it. The draft
    is then kept.
    """
    template_publishing.publish(template_id, actor=caller().user, note=body.note, declared=body.brings)
    return json_response(TemplateOut.model_validate(template_management.get(template_id)))

"""An admin's own draft of a template: an old version brought back, looked at, and published."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response
from flask_babel import gettext as _

from app.api.http.auth import caller, requires
from app.api.http.problems import problem
from app.api.http.request_body import json_body
from app.api.http.responses import json_response
from app.api.schemas.templates import DraftOut, Publication, Restore, TemplateOut
from app.services.base.errors import NotFound
from app.services.templates import (
    drafts as template_drafts,
)
from app.services.templates import (
    management as template_management,
)
from app.services.templates import (
    publishing as template_publishing,
)

bp = APIBlueprint("template_drafts", __name__, url_prefix="/notifications/templates", tag="Templates")

TEMPLATE = "/<row_id:template_id>"


@bp.post(f"{TEMPLATE}/restore/")
@requires("admin")
@bp.output(DraftOut)
@json_body(Restore)
def restore_template(body: Restore, template_id: int) -> Response:
    """Make an old version your draft

    Nothing changes for anybody until it is published; the history is never rewritten. 409 where a draft of yours says
    something else, unless `replaces_draft`, and where these words are live already.
    """
    draft = template_drafts.restore(
        template_id, body.version, author=caller().user, replaces_draft=body.replaces_draft
    )
    if draft is None:
        return problem(409, _("There is nothing to publish: these words are live already."))
    return json_response(DraftOut.model_validate(draft))


@bp.get(f"{TEMPLATE}/draft/")
@requires("admin")
@bp.output(DraftOut)
def show_template_draft(template_id: int) -> Response:
    """Read your draft of a template

    It is the one that the editor shows; each admin has their own.
    """
    draft = template_drafts.find(template_management.get(template_id).id, caller().user)
    if draft is None:
        raise NotFound(_("You have no draft of this template."))
    return json_response(DraftOut.model_validate(draft))


@bp.delete(f"{TEMPLATE}/draft/")
@requires("admin")
@bp.output({}, status_code=204)
def discard_template_draft(template_id: int) -> Response:
    """Throw your draft of a template away"""
    template_drafts.discard(template_id, author=caller().user)
    return Response(status=204)


@bp.post(f"{TEMPLATE}/publish/")
@requires("admin")
@bp.output(TemplateOut)
@json_body(Publication)
def publish_template(body: Publication, template_id: int) -> Response:
    """Publish your draft of a template

    It becomes the next version. 409 where there is no draft, or where somebody else has published since it was begun:
    the draft is kept.
    """
    template_publishing.publish(template_id, actor=caller().user, note=body.note, brings=body.brings)
    return json_response(TemplateOut.model_validate(template_management.get(template_id)))

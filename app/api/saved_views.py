"""The caller's saved views."""

from __future__ import annotations

from dataclasses import asdict

from apiflask import APIBlueprint
from flask import Response

from app.api.http.auth import caller, requires
from app.api.http.request_body import json_body, list_call
from app.api.http.responses import json_response, short_json_response
from app.api.schemas.base import KeyPaged
from app.api.schemas.saved_views import ViewChange, ViewIn, ViewList, ViewOrder, ViewOut
from app.services.notifications import saved_views
from app.services.notifications.saved_views import SavedFilter

bp = APIBlueprint("saved_views", __name__, url_prefix="/notifications/views", tag="Saved views")


@bp.get("/")
@requires("read")
@list_call(bp, ViewList, KeyPaged)
def list_views(query: KeyPaged) -> Response:
    """List your saved views

    In the caller's order, each with the number of notifications that it shows.
    """
    views = saved_views.list_views_with_counts(caller(), version=caller().inbox_version)
    return short_json_response(ViewList, views, query, lambda view: [view.position, view.id], _output)


@bp.post("/")
@requires("write")
@bp.output(ViewOut, status_code=201)
@json_body(ViewIn)
def create_view(body: ViewIn) -> Response:
    """Create a saved view

    It is added at the end. You can have at most twenty.
    """
    view_filter = SavedFilter(body.place, tuple(body.category), tuple(body.priority), body.search)
    return _response(saved_views.create(caller().user, body.name, view_filter, colour=body.colour).id, 201)


@bp.put("/order/")
@requires("write")
@bp.output(ViewList)
@json_body(ViewOrder)
def order_views(body: ViewOrder) -> Response:
    """Reorder saved views"""
    saved_views.reorder(caller().user, body.view_ids)
    rows = [_output(view) for view in saved_views.list_views_with_counts(caller())]
    return json_response(ViewList(results=rows, next=None, previous=None))


@bp.get("/<row_id:view_id>/")
@requires("read")
@bp.output(ViewOut)
def show_view(view_id: int) -> Response:
    """Get a saved view"""
    return _response(view_id)


@bp.patch("/<row_id:view_id>/")
@requires("write")
@bp.output(ViewOut)
@json_body(ViewChange)
def change_view(body: ViewChange, view_id: int) -> Response:
    """Change the name, the colour or the filter of a saved view"""
    saved_views.change(caller().user, view_id, **body.model_dump())
    return _response(view_id)


@bp.delete("/<row_id:view_id>/")
@requires("write")
@bp.output({}, status_code=204)
def delete_view(view_id: int) -> Response:
    """Delete a saved view

    `restore` can undo this for ten minutes.
    """
    saved_views.delete(caller().user, view_id)
    return Response(status=204)


@bp.post("/<row_id:view_id>/restore/")
@requires("write")
@bp.output(ViewOut)
def restore_view(view_id: int) -> Response:
    """Restore a deleted view"""
    saved_views.restore(caller().user, view_id)
    return _response(view_id)


def _response(view_id: int, status: int = 200) -> Response:
    saved_views.get(caller().user, view_id)
    found = next(view for view in saved_views.list_views_with_counts(caller()) if view.id == view_id)
    return json_response(_output(found), status)


def _output(view: saved_views.ViewWithCount) -> ViewOut:
    return ViewOut(id=view.id, name=view.name, colour=view.colour, count=view.count, **asdict(view.filter))

"""Sources: other systems that call Bellhop, for admins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apiflask import APIBlueprint
from flask import Response, current_app, url_for

from app.api.http.auth import caller, requires
from app.api.http.request_body import json_body, list_call
from app.api.http.responses import json_keyset_response, json_response, short_json_response
from app.api.schemas.base import KeyPaged, Paged
from app.api.schemas.sources import (
    SourceCallList,
    SourceCallOut,
    SourceChange,
    SourceIn,
    SourceList,
    SourceOut,
)
from app.services.sources import calls, connections
from app.services.sources.calls import CallRow

if TYPE_CHECKING:
    from app.models import Source

bp = APIBlueprint("api_sources", __name__, url_prefix="/sources", tag="Sources")


@bp.get("/")
@requires("admin")
@list_call(bp, SourceList, KeyPaged)
def list_sources(query: KeyPaged) -> Response:
    """List sources"""
    rows = connections.all_sources()
    return short_json_response(SourceList, rows, query, key=lambda row: [row.id], to_output=_output)


@bp.post("/")
@requires("admin")
@bp.output(SourceOut, status_code=201, example={"last_call_at": None})
@json_body(SourceIn)
def create_source(body: SourceIn) -> Response:
    """Connect a system

    Paste the `url` of the response into the other system. It signs its calls with `secret`, which is stored encrypted
    and not shown again, like `api_key`.
    """
    source = connections.create(
        body.kind,
        body.name,
        body.secret,
        body.company_name,
        actor=caller().user,
        secret=_secret_key(),
        api_key=body.api_key,
    )
    return json_response(_output(source), 201)


@bp.get("/<row_id:source_id>/")
@requires("admin")
@bp.output(SourceOut)
def show_source(source_id: int) -> Response:
    """Get a source"""
    return json_response(_output(connections.get(source_id)))


@bp.patch("/<row_id:source_id>/")
@requires("admin")
@bp.output(SourceOut)
@json_body(SourceChange)
def change_source(body: SourceChange, source_id: int) -> Response:
    """Change a source's name, company or secret, or pause or resume it

    After a new secret, calls that are signed with the old one are accepted for 24 hours; another change of the secret
    within that time is a 409. While a source is paused, its calls are stored and notify no one.
    """
    source = connections.change(
        source_id,
        actor=caller().user,
        secret=_secret_key(),
        name=body.name,
        company_name=body.company_name,
        signing_secret=body.secret,
        api_key=body.api_key,
        is_paused=body.is_paused,
    )
    return json_response(_output(source))


@bp.delete("/<row_id:source_id>/")
@requires("admin")
@bp.output({}, status_code=204)
def delete_source(source_id: int) -> Response:
    """Delete a source

    Its calls are deleted, too. The notifications stay.
    """
    connections.remove(source_id, actor=caller().user)
    return Response(status=204)


@bp.get("/<row_id:source_id>/calls/")
@requires("admin")
@list_call(bp, SourceCallList, Paged)
def list_source_calls(query: Paged, source_id: int) -> Response:
    """List a source's calls

    Newest first. Calls are kept for 30 days.
    """
    page = calls.page_for(source_id, before=query.next_from, after=query.previous_from, limit=query.limit)
    rows = [_call_output(row) for row in page.rows]
    return json_keyset_response(SourceCallList, rows, page.older, page.newer)


@bp.post("/<row_id:source_id>/calls/<row_id:call_id>/replay/")
@requires("admin")
@bp.output(SourceCallOut, example={"state": "waiting", "verdict": "Waiting to be processed"})
def replay_source_call(source_id: int, call_id: int) -> Response:
    """Process a call again

    It happens within moments. No notification is sent twice.
    """
    return json_response(_call_output(calls.replay(source_id, call_id, actor=caller().user)))


def _output(source: Source) -> SourceOut:
    names = [name for name in SourceOut.model_fields if name != "url"]
    path = url_for("sources.receive", public_id=source.public_id)
    url = f"{current_app.config['BASE_URL']}{path}"
    return SourceOut(**{name: getattr(source, name) for name in names}, url=url)


def _call_output(row: CallRow) -> SourceCallOut:
    names = [name for name in SourceCallOut.model_fields if name != "verdict"]
    return SourceCallOut(**{name: getattr(row.row, name) for name in names}, verdict=row.verdict)


def _secret_key() -> str:
    return str(current_app.config["SECRET_KEY"])

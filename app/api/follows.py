"""The caller's follows and mutes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apiflask import APIBlueprint
from flask import Response

from app.api.http.auth import caller, requires
from app.api.http.request_body import json_body, list_call
from app.api.http.responses import json_response, short_json_response
from app.api.schemas.base import KeyPaged
from app.api.schemas.follows import FollowIn, FollowList, FollowOut
from app.services.follows import management as follows

if TYPE_CHECKING:
    from app.models import Follow

bp = APIBlueprint("follows", __name__, url_prefix="/follows", tag="Follows")


@bp.get("/")
@requires("read")
@list_call(bp, FollowList, KeyPaged)
def list_follows(query: KeyPaged) -> Response:
    """List what you follow and mute"""
    found = follows.list_current(caller().user)
    return short_json_response(FollowList, found, query, lambda each: [each.id], _output)


@bp.post("/")
@requires("write")
@bp.output(FollowOut, status_code=201, description="You did not follow or mute it before.")
@bp.doc(responses={200: "It replaces what you chose before."})
@json_body(FollowIn)
def follow(body: FollowIn) -> Response:
    """Follow or mute a candidate, a job or a notification type

    Events without recipients about a candidate or a job that you follow reach you. What you mute does not, except for
    urgent notifications and over channels that an admin requires.
    """
    made, is_new = follows.set_mode(caller().user, body.subject, body.mode, body.until)
    return json_response(_output(made), 201 if is_new else 200)


@bp.delete("/<row_id:follow_id>/")
@requires("write")
@bp.output({}, status_code=204)
def unfollow(follow_id: int) -> Response:
    """Stop following or muting"""
    follows.remove(caller().user, follow_id)
    return Response(status=204)


def _output(each: Follow) -> FollowOut:
    name = follows.name_of(caller().user, each.subject)
    return FollowOut(
        id=each.id,
        subject=each.subject,
        mode=each.mode,
        until=each.until,
        name=name,
        created_at=each.created_at,
    )

"""Rooms: a team's chat channels that get notifications, for admins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apiflask import APIBlueprint
from flask import Response, current_app

from app.api.http.auth import caller, requires
from app.api.http.request_body import json_body, list_call
from app.api.http.responses import (
    json_keyset_response,
    json_response,
    json_response_once,
    short_json_response,
)
from app.api.schemas.base import KeyPaged, Paged
from app.api.schemas.rooms import (
    NewRoom,
    RoomChange,
    RoomDeliveryList,
    RoomDeliveryOut,
    RoomIn,
    RoomList,
    RoomOut,
)
from app.services.deliveries import room_log
from app.services.deliveries.delivery_log import DeliveryRow
from app.services.rooms import management

if TYPE_CHECKING:
    from app.models import Room

bp = APIBlueprint("api_rooms", __name__, url_prefix="/rooms", tag="Rooms")

TEST_EXAMPLE = {
    "kind": "test",
    "title": "Test from Bellhop",
    "state": "pending",
    "verdict": "Waiting to be sent",
    "attempts": 0,
    "response": "",
    "sent_at": None,
}


@bp.get("/")
@requires("admin")
@list_call(bp, RoomList, KeyPaged)
def list_rooms(query: KeyPaged) -> Response:
    """List rooms"""
    rows = management.list_rooms()
    return short_json_response(RoomList, rows, query, key=lambda row: [row.id], to_output=_output)


@bp.post("/")
@requires("admin", needs_password=True)
@bp.output(NewRoom, status_code=201)
@json_body(RoomIn)
def create_room(body: RoomIn) -> Response:
    """Add a room

    Notifications about its subjects are posted to it, independently of their recipients. Confidential ones are posted
    only with `is_confidential_allowed`. The address is stored encrypted, and shown in part.
    """
    room = management.create(
        body.name,
        body.channel,
        body.address,
        body.subjects,
        actor=caller().user,
        secret=_secret_key(),
        is_confidential_allowed=body.is_confidential_allowed,
        time_zone=body.time_zone,
    )
    secret = management.signing_secret(room, _secret_key()) if room.channel == "webhook" else None
    return json_response_once(NewRoom(**_output(room).model_dump(), secret=secret), "secret", 201)


@bp.get("/<row_id:room_id>/")
@requires("admin")
@bp.output(RoomOut)
def show_room(room_id: int) -> Response:
    """Get a room"""
    return json_response(_output(management.get(room_id)))


@bp.patch("/<row_id:room_id>/")
@requires("admin", needs_password=True)
@bp.output(RoomOut)
@json_body(RoomChange)
def change_room(body: RoomChange, room_id: int) -> Response:
    """Change a room, or pause or resume it

    Notifications that are created during a pause are not posted later. Bellhop turns off a room that fails for days or
    no longer exists. `is_paused: false` or another address turns it on again.
    """
    given = body.model_dump(exclude_unset=True)
    room = management.change(room_id, actor=caller().user, secret=_secret_key(), **given)
    return json_response(_output(room))


@bp.delete("/<row_id:room_id>/")
@requires("admin")
@bp.output({}, status_code=204)
def delete_room(room_id: int) -> Response:
    """Delete a room

    For a day, admins can restore it under Admin → Rooms.
    """
    management.remove(room_id, actor=caller().user)
    return Response(status=204)


@bp.post("/<row_id:room_id>/test/")
@requires("admin")
@bp.output(RoomDeliveryOut, status_code=201, example=TEST_EXAMPLE)
def test_room(room_id: int) -> Response:
    """Post a test message to a room

    It is sent within moments. The list of the room's messages shows the outcome.
    """
    return json_response(_delivery_output(room_log.send_test(room_id, caller().user)), 201)


@bp.get("/<row_id:room_id>/deliveries/")
@requires("admin")
@list_call(bp, RoomDeliveryList, Paged)
def list_room_deliveries(query: Paged, room_id: int) -> Response:
    """List the messages to a room

    Newest first, each with the last response.
    """
    page = room_log.page_for(
        caller().user, room_id, before=query.next_from, after=query.previous_from, limit=query.limit
    )
    rows = [_delivery_output(row) for row in page.lines]
    return json_keyset_response(RoomDeliveryList, rows, page.older, page.newer)


def _output(room: Room) -> RoomOut:
    names = [name for name in RoomOut.model_fields if name != "address"]
    return RoomOut(**{name: getattr(room, name) for name in names}, address=room.shown_address)


def _delivery_output(row: DeliveryRow) -> RoomDeliveryOut:
    response = row.delivery.log[-1].response if row.delivery.log else ""
    names = [name for name in RoomDeliveryOut.model_fields if hasattr(row.delivery, name)]
    return RoomDeliveryOut(
        **{name: getattr(row.delivery, name) for name in names},
        title=row.title,
        verdict=row.verdict,
        response=response,
    )


def _secret_key() -> str:
    return str(current_app.config["SECRET_KEY"])

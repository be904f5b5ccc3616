"""The delivery log, for admins."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response

from app.api.http.auth import caller, requires
from app.api.http.request_body import list_call
from app.api.http.responses import json_keyset_response, json_response
from app.api.schemas.deliveries import (
    AttemptOut,
    DeliveryDetail,
    DeliveryList,
    DeliveryQuery,
    DeliverySummary,
)
from app.services.deliveries import actions as delivery_actions
from app.services.deliveries import delivery_log
from app.services.deliveries.delivery_log import DeliveryFilters

bp = APIBlueprint("deliveries", __name__, url_prefix="/deliveries", tag="Deliveries")


@bp.get("/")
@requires("admin")
@list_call(bp, DeliveryList, DeliveryQuery)
def list_deliveries(query: DeliveryQuery) -> Response:
    """List deliveries

    Everyone's deliveries, newest first. Values of the same filter are alternatives; different filters must all match.
    """
    page = delivery_log.page_for(
        caller().user,
        DeliveryFilters(
            outcomes=tuple(query.outcome),
            channels=tuple(query.channel),
            person=query.recipient,
            notification_types=tuple(query.notification_type),
            created_after=query.created_after,
            created_before=query.created_before,
        ),
        before=query.next_from,
        after=query.previous_from,
        limit=query.limit,
    )
    rows = [DeliverySummary(**_output_values(row)) for row in page.lines]
    return json_keyset_response(DeliveryList, rows, page.older, page.newer)


@bp.get("/<row_id:delivery_id>/")
@requires("admin")
@bp.output(DeliveryDetail)
def show_delivery(delivery_id: int) -> Response:
    """Get a delivery with its attempts"""
    return _detail_response(delivery_id)


@bp.post("/<row_id:delivery_id>/retry/")
@requires("admin")
@bp.output(DeliveryDetail, example={"state": "pending", "verdict": "Waiting to be sent"})
def retry_delivery(delivery_id: int) -> Response:
    """Retry a delivery

    It is sent with the same Message-ID, so a mail client can recognise a second copy.
    """
    delivery_actions.retry(delivery_id, caller().user)
    return _detail_response(delivery_id)


@bp.post("/<row_id:delivery_id>/cancel/")
@requires("admin")
@bp.output(DeliveryDetail, example={"state": "cancelled", "verdict": "Cancelled"})
def cancel_delivery(delivery_id: int) -> Response:
    """Cancel a pending delivery"""
    delivery_actions.cancel(delivery_id, caller().user)
    return _detail_response(delivery_id)


def _detail_response(delivery_id: int) -> Response:
    row = delivery_log.delivery_row(delivery_log.get(delivery_id), caller().user)
    attempts = [AttemptOut.model_validate(attempt) for attempt in row.delivery.log]
    return json_response(DeliveryDetail(**_output_values(row), log=attempts))


def _output_values(row: delivery_log.DeliveryRow) -> dict[str, Any]:
    names = ("id", "notification_id", "channel", "address", "kind", "state", "attempts")
    return {name: getattr(row.delivery, name) for name in (*names, "created_at", "due_at", "sent_at")} | {
        "recipient": row.delivery.recipient.email if row.delivery.has_recipient else None,
        "room": row.delivery.room_message.room.name if row.delivery.room_message else None,
        "title": row.title,
        "verdict": row.verdict,
    }

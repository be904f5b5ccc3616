"""The delivery log, for admins."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response

from app.api.http.auth import caller, requires
from app.api.http.request_body import query_params
from app.api.http.responses import json_response, links, neighbours
from app.api.schemas.admin import AttemptOut, DeliveryDetail, DeliveryPage, DeliveryQuery, DeliverySummary
from app.services.deliveries import actions as delivery_actions
from app.services.deliveries import log as delivery_log
from app.services.deliveries.log import DeliveryFilters

bp = APIBlueprint("deliveries", __name__, url_prefix="/deliveries", tag="Deliveries")


@bp.get("/")
@requires("admin")
@bp.output(DeliveryPage)
@query_params(DeliveryQuery)
def list_deliveries(query: DeliveryQuery) -> Response:
    """List deliveries

    Newest first, everybody's. Values of one field are alternatives, fields narrow each other.
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
    following, previous = neighbours(page.older, page.newer)
    rows = [DeliverySummary(**_line(line)) for line in page.lines]
    return json_response(
        DeliveryPage(results=rows, next=following, previous=previous), headers=links(following, previous)
    )


@bp.get("/<row_id:delivery_id>/")
@requires("admin")
@bp.output(DeliveryDetail)
def show_delivery(delivery_id: int) -> Response:
    """Read one delivery with its attempts"""
    return _answer(delivery_id)


@bp.post("/<row_id:delivery_id>/retry/")
@requires("admin")
@bp.output(DeliveryDetail, example={"state": "pending", "verdict": "Waiting to be sent"})
def retry_delivery(delivery_id: int) -> Response:
    """Send a delivery again

    With the same Message-ID, so that a second copy can be recognised.
    """
    delivery_actions.retry(delivery_id, caller().user)
    return _answer(delivery_id)


@bp.post("/<row_id:delivery_id>/cancel/")
@requires("admin")
@bp.output(DeliveryDetail, example={"state": "cancelled", "verdict": "Cancelled"})
def cancel_delivery(delivery_id: int) -> Response:
    """Stop a delivery that waits"""
    delivery_actions.cancel(delivery_id, caller().user)
    return _answer(delivery_id)


def _answer(delivery_id: int) -> Response:
    line = delivery_log.delivery_row(delivery_log.get(delivery_id), caller().user)
    log = [AttemptOut.model_validate(attempt) for attempt in line.row.log]
    return json_response(DeliveryDetail(**_line(line), log=log))


def _line(line: delivery_log.DeliveryRow) -> dict[str, Any]:
    names = ("id", "notification_id", "channel", "address", "kind", "state", "attempts")
    return {name: getattr(line.row, name) for name in (*names, "created_at", "due_at", "sent_at")} | {
        "recipient": line.row.recipient.email,
        "title": line.title,
        "verdict": line.verdict,
    }

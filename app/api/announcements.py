"""Announcements by admins."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response

from app.api.http.auth import caller, requires
from app.api.http.request_body import json_body, list_call
from app.api.http.responses import json_keyset_response, json_response
from app.api.schemas.announcements import (
    AnnouncementDetail,
    AnnouncementIn,
    AnnouncementList,
    AnnouncementOut,
    AnnouncementReceipt,
    AnnouncementRecipient,
)
from app.api.schemas.base import Paged
from app.clock import utc_now
from app.services.announcements import management as announcement_management
from app.services.announcements import progress as announcement_progress
from app.services.announcements.validation import AnnouncementRequest

bp = APIBlueprint("announcements", __name__, url_prefix="/notifications", tag="Announcements")

ANNOUNCEMENTS = "/announcements/"
ANNOUNCEMENT = f"{ANNOUNCEMENTS}<row_id:announcement_id>/"
CANCELLED_EXAMPLE = {
    "state": "cancelled",
    "written": 0,
    "deliver_at": "2026-03-13T09:00:00Z",
    "deliveries": {"email": {"withheld": 14}, "in_app": {"withheld": 14}},
}


@bp.post("/create/")
@requires("admin")
@bp.output(AnnouncementReceipt, status_code=201)
@json_body(AnnouncementIn)
def create_notification(body: AnnouncementIn) -> Response:
    """Send an announcement to people, roles or everyone

    The first 100 people have received it when this responds; the others follow within moments. With `deliver_at`,
    no one sees it before then.
    """
    row = announcement_management.create(caller().user, AnnouncementRequest(**dict(body)))
    recipients = [
        AnnouncementRecipient(id=notification_id, recipient=email)
        for email, notification_id in announcement_progress.list_recipients(row)
    ]
    values = {name: getattr(row, name) for name in ("id", "total", "written", "deliver_at")}
    state = announcement_progress.current_state(row, utc_now())
    return json_response(AnnouncementReceipt(**values, state=state, notifications=recipients), 201)


@bp.get(ANNOUNCEMENTS)
@requires("admin")
@list_call(bp, AnnouncementList, Paged)
def list_announcements(query: Paged) -> Response:
    """List announcements

    All admins' announcements, newest first.
    """
    page = announcement_management.page(before=query.next_from, after=query.previous_from, limit=query.limit)
    rows = [AnnouncementOut(**_output_values(row)) for row in page.rows]
    return json_keyset_response(AnnouncementList, rows, page.older, page.newer)


@bp.get(ANNOUNCEMENT)
@requires("admin")
@bp.output(AnnouncementDetail)
def show_announcement(announcement_id: int) -> Response:
    """Get an announcement and its progress"""
    return _detail_response(announcement_management.get(announcement_id))


@bp.post(f"{ANNOUNCEMENT}cancel/")
@requires("admin")
@bp.output(AnnouncementDetail, example=CANCELLED_EXAMPLE)
def cancel_announcement(announcement_id: int) -> Response:
    """Cancel an announcement

    Before its scheduled time, it reaches no one. While it is being sent, it reaches no one else. 409 after everyone
    has received it.
    """
    return _detail_response(announcement_management.cancel(caller().user, announcement_id))


def _detail_response(row: Any) -> Response:
    counts = {
        channel: dict(outcomes) for channel, outcomes in announcement_progress.count_deliveries(row).items()
    }
    return json_response(AnnouncementDetail(**_output_values(row), deliveries=counts))


def _output_values(row: Any) -> dict[str, Any]:
    columns = {name: getattr(row, name) for name in AnnouncementOut.model_fields if hasattr(row, name)}
    return columns | {
        "state": announcement_progress.current_state(row, utc_now()),
        "author": row.author.email if row.author else None,
        "everyone": "everyone" in row.audience,
        "roles": row.audience.get("roles", []),
        "named": len(row.audience.get("people", [])),
    }

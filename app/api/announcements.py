"""What admins announce."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response

from app.api.http.auth import caller, requires
from app.api.http.request_body import json_body, query_params
from app.api.http.responses import json_response, links, neighbours
from app.api.schemas.admin import Announce, Announced, Reached
from app.api.schemas.announcements import AnnouncementDetail, AnnouncementOut, AnnouncementPage
from app.api.schemas.base import Paged
from app.clock import utc_now
from app.services.announcements import (
    management as announcement_management,
)
from app.services.announcements import (
    progress as announcement_progress,
)
from app.services.announcements.validation import AnnouncementRequest

bp = APIBlueprint("announcements", __name__, url_prefix="/notifications", tag="Announcements")

ANNOUNCEMENTS = "/announcements/"
ANNOUNCEMENT = f"{ANNOUNCEMENTS}<row_id:announcement_id>/"
TAKEN_BACK = {
    "state": "cancelled",
    "written": 0,
    "deliver_at": "2026-03-13T09:00:00Z",
    "deliveries": {"email": {"withheld": 14}, "in_app": {"withheld": 14}},
}


@bp.post("/create/")
@requires("admin")
@bp.output(Announced, status_code=201)
@json_body(Announce)
def create_notification(body: Announce) -> Response:
    """Announce something to people, roles or everyone

    Up to 100 people have it when this answers; more get it within moments. With `deliver_at` it waits until then.
    """
    row = announcement_management.create(caller().user, AnnouncementRequest(**dict(body)))
    reached = [Reached(id=number, recipient=email) for email, number in announcement_progress.reached(row)]
    values = {name: getattr(row, name) for name in ("id", "total", "written", "deliver_at")}
    state = announcement_progress.state(row, utc_now())
    return json_response(Announced(**values, state=state, notifications=reached), 201)


@bp.get(ANNOUNCEMENTS)
@requires("admin")
@bp.output(AnnouncementPage)
@query_params(Paged)
def list_announcements(query: Paged) -> Response:
    """List announcements

    Newest first, every admin's.
    """
    page = announcement_management.page(before=query.next_from, after=query.previous_from, limit=query.limit)
    following, previous = neighbours(page.older, page.newer)
    rows = [AnnouncementOut(**_values(row)) for row in page.rows]
    return json_response(
        AnnouncementPage(results=rows, next=following, previous=previous), headers=links(following, previous)
    )


@bp.get(ANNOUNCEMENT)
@requires("admin")
@bp.output(AnnouncementDetail)
def show_announcement(announcement_id: int) -> Response:
    """Read an announcement and how far it has come"""
    return _answer(announcement_management.get(announcement_id))


@bp.post(f"{ANNOUNCEMENT}cancel/")
@requires("admin")
@bp.output(AnnouncementDetail, example=TAKEN_BACK)
def cancel_announcement(announcement_id: int) -> Response:
    """Take an announcement back

    Before its time nobody gets it; while it goes out, nobody else does. 409 once everybody has it.
    """
    return _answer(announcement_management.cancel(caller().user, announcement_id))


def _answer(row: Any) -> Response:
    counts = {channel: dict(found) for channel, found in announcement_progress.counts(row).items()}
    return json_response(AnnouncementDetail(**_values(row), deliveries=counts))


def _values(row: Any) -> dict[str, Any]:
    kept = {name: getattr(row, name) for name in AnnouncementOut.model_fields if hasattr(row, name)}
    return kept | {
        "state": announcement_progress.state(row, utc_now()),
        "author": row.author.email if row.author else None,
        "everyone": "everyone" in row.audience,
        "roles": row.audience.get("roles", []),
        "named": len(row.audience.get("people", [])),
    }

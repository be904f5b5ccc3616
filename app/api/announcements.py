"""What admins announce."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response

from app.api.answers import answer
from app.api.auth import caller, requires
from app.api.body import takes
from app.api.schemas.admin import Announce, Announced, Reached
from app.services import announcements
from app.services.announcement_words import AnnouncementIn

bp = APIBlueprint("announcements", __name__, url_prefix="/notifications", tag="Announcements")


@bp.post("/create/")
@requires("admin")
@bp.output(Announced, status_code=201)
@takes(Announce)
def create_notification(body: Announce) -> Response:
    """Announce something to people, roles or everyone

    Up to 100 people have it when this answers; more get it within moments. With `deliver_at` it waits until then.
    """
    row = announcements.create(caller().user, AnnouncementIn(**dict(body)))
    reached = [Reached(id=number, recipient=email) for email, number in announcements.notification_ids(row)]
    values = {name: getattr(row, name) for name in Announced.model_fields if name != "notifications"}
    return answer(Announced(**values, notifications=reached), 201)

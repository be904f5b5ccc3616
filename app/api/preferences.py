"""The caller's notification preferences."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response

from app.api.http.auth import caller, requires
from app.api.http.request_body import json_body
from app.api.http.responses import json_response
from app.api.schemas.preferences import PreferencesIn, PreferencesOut
from app.services.preferences import editing as preference_editing

bp = APIBlueprint("preferences", __name__, url_prefix="/notifications/preferences", tag="Preferences")


@bp.get("/")
@requires("read")
@bp.output(PreferencesOut)
def show_preferences() -> Response:
    """Get your preferences"""
    return _response()


@bp.put("/")
@requires("write")
@bp.output(PreferencesOut)
@json_body(PreferencesIn)
def change_preferences(body: PreferencesIn) -> Response:
    """Change your preferences

    Fields that are left out keep their values. A change applies to new events and to deliveries that are still pending.
    """
    preference_editing.change(caller().user, body.model_dump(exclude_unset=True))
    return _response()


def _response() -> Response:
    return json_response(PreferencesOut.model_validate(preference_editing.preferences_of(caller().user)))

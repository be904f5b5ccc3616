"""What a person wants to hear, where and when."""

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
    """Read one's preferences"""
    return json_response(PreferencesOut.model_validate(preference_editing.preferences_of(caller().user)))


@bp.put("/")
@requires("write")
@bp.output(PreferencesOut)
@json_body(PreferencesIn)
def change_preferences(body: PreferencesIn) -> Response:
    """Change some of one's preferences

    What is left out stays. The change counts from the next event on, and for what already waits to be sent.
    """
    preference_editing.change(caller().user, body.model_dump(exclude_unset=True))
    return json_response(PreferencesOut.model_validate(preference_editing.preferences_of(caller().user)))

"""Admin pages for rooms: add, change, test, pause, remove and restore; what was posted."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app import catalog
from app.forms.integers import parse_integer
from app.forms.rooms import RoomForm
from app.services.base import validation
from app.services.base.errors import Conflict, Invalid, LimitReached
from app.services.deliveries import room_log
from app.services.rooms import management
from app.views.presenters.room_labels import STEPS, subject_labels
from app.views.web.auth import admin_required, current_user
from app.views.web.confirmation import password_required

bp = Blueprint("admin_rooms", __name__, url_prefix="/admin/rooms")

ROOM = "/<row_id:room_id>"
Page = Response | str | tuple[str, int]


@bp.get("")
@admin_required
def index(**context: Any) -> str:
    """Render the list; the context may bring back rejected input with its errors."""
    values: dict[str, Any] = {
        "rooms": management.list_rooms(),
        "removed": management.list_removed(),
        "form": RoomForm(time_zone=current_user.time_zone),
        "errors": {},
        **_choices(),
    }
    return render_template("rooms/index.html", **(values | context))


@bp.post("")
@admin_required
@password_required
def create() -> Page:
    """Add a room; of a webhook, respond with its page, because the secret must not pass through the session cookie."""
    form = RoomForm.read(request.form)
    try:
        room = management.create(
            form.name,
            form.channel,
            form.address,
            form.subjects,
            actor=current_user,
            secret=_secret_key(),
            is_confidential_allowed=form.is_confidential_allowed,
            time_zone=form.time_zone,
        )
    except Invalid as error:
        return index(form=form, errors=error.errors), 422
    if room.channel == "webhook":
        return show(room.id, new_secret=management.signing_secret(room, _secret_key()))
    flash(_("Room added. Send a test to see it there."))
    return redirect(url_for(".show", room_id=room.id), 303)


@bp.get(ROOM)
@admin_required
def show(room_id: int, **context: Any) -> str:
    room = management.get(room_id)
    values: dict[str, Any] = {
        "room": room,
        "page": room_log.page_for(
            current_user, room_id, before=request.args.get("before", type=parse_integer)
        ),
        "form": RoomForm.of(
            room.name, room.subjects, room.time_zone, is_confidential_allowed=room.is_confidential_allowed
        ),
        "can_read_address": management.address_of(room, _secret_key()) is not None,
        "new_secret": "",
        "errors": {},
        **_choices(),
    }
    return render_template("rooms/show.html", **(values | context))


@bp.post(f"{ROOM}/settings")
@admin_required
@password_required
def change(room_id: int) -> Page:
    form = RoomForm.read(request.form)
    try:
        management.change(
            room_id,
            actor=current_user,
            secret=_secret_key(),
            name=form.name,
            subjects=form.subjects,
            address=form.address.strip() or None,
            time_zone=form.time_zone,
            is_confidential_allowed=form.is_confidential_allowed,
        )
    except Invalid as error:
        return show(room_id, form=form, errors=error.errors), 422
    return _back(room_id, _("Saved."), "settings")


@bp.post(f"{ROOM}/test")
@admin_required
def send_test(room_id: int) -> Response:
    room_log.send_test(room_id, current_user)
    return redirect(url_for(".show", room_id=room_id, _anchor="messages"), 303)


@bp.post(f"{ROOM}/pause")
@admin_required
def pause(room_id: int) -> Response:
    management.change(room_id, actor=current_user, secret=_secret_key(), is_paused=True)
    return _back(room_id, _("Paused. Nothing is posted until you resume it."))


@bp.post(f"{ROOM}/resumption")
@admin_required
def resume(room_id: int) -> Response:
    management.change(room_id, actor=current_user, secret=_secret_key(), is_paused=False)
    return _back(room_id, _("Resumed."))


@bp.post(f"{ROOM}/removal")
@admin_required
def remove(room_id: int) -> Response:
    management.remove(room_id, actor=current_user)
    flash(_("Room removed. You can restore it below for a day."))
    return redirect(url_for(".index"), 303)


@bp.post(f"{ROOM}/restoration")
@admin_required
def restore(room_id: int) -> Response:
    management.restore(room_id, actor=current_user)
    return _back(room_id, _("Room restored."))


@bp.errorhandler(Conflict)
@bp.errorhandler(LimitReached)
def declined(error: Conflict | LimitReached) -> Response:
    """Show the reason on the page of the room, or on the list."""
    flash(str(error), "error")
    values = request.view_args or {}
    return redirect(url_for(".show", **values) if values else url_for(".index"), 303)


def _choices() -> dict[str, Any]:
    return {
        "channels": {name: catalog.CHANNELS[name].label for name in management.CHANNELS},
        "types": {name: catalog.TYPES[name].label for name in management.TYPES},
        "zones": validation.time_zones(),
        "steps": {name: STEPS[name] for name in management.CHANNELS},
        "subject_labels": subject_labels,
    }


def _back(room_id: int, text: str, section: str | None = None) -> Response:
    flash(text)
    return redirect(url_for(".show", room_id=room_id, _anchor=section), 303)


def _secret_key() -> str:
    return str(current_app.config["SECRET_KEY"])

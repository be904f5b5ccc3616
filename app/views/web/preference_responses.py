"""Responses after a change of preferences: the form as it is now, with a toast that can undo the change."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from flask import flash, redirect, render_template
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app.services.base.errors import Invalid
from app.views.presenters import preference_labels
from app.views.web import htmx

if TYPE_CHECKING:
    from app.services.preferences.editing import PreferenceChange


def redirect_with_undo(url: str, change: PreferenceChange, undo_url: str | None) -> Response:
    """Redirect after a change of preferences, with a toast.

    Args:
        url: the page with the form.
        change: the change that was saved.
        undo_url: where the toast's undo posts the previous values; None when the change is itself an undo.
    """
    flash(_toast(change, undo_url))  # type: ignore[arg-type]  # kept as JSON; the layout reads both
    return redirect(url, 303)


def respond_with_form(form: dict[str, Any], change: PreferenceChange, undo_url: str | None) -> Response:
    """Respond to htmx after a change of preferences: the form as it is now, and a toast.

    Args:
        form: the template variables of the form, read after the change.
        change: the change that was saved.
        undo_url: where the toast's undo posts the previous values; None when the change is itself an undo.
    """
    return htmx.vary(render_template("preferences/change.hx.html", **form, **_toast(change, undo_url)))


def respond_with_errors(page: str, form: dict[str, Any], error: Invalid) -> Response:
    """Show the form with the errors of a change that was rejected.

    Args:
        page: the template of the page with the form.
        form: the template variables of the form.
        error: the errors by field.
    """
    form = form | {"errors": error.errors}
    if htmx.is_partial():
        text = _("Couldn't save. %(why)s", why=" ".join(error.errors.values()))
        return htmx.vary(render_template("preferences/change.hx.html", **form, text=text, is_error=True), 422)
    return htmx.vary(render_template(page, **form), 422)


def _toast(change: PreferenceChange, undo_url: str | None) -> dict[str, Any]:
    if undo_url is None:
        return {"text": _("Undone"), "undo": None}
    undo = {"url": undo_url, "values": json.dumps(change.before)} if change.before else None
    return {"text": preference_labels.describe_change(change.after), "undo": undo}

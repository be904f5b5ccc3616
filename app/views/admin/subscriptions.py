"""Admin page for subscriptions: webhooks of the installation, with their types, secrets and calls."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app.services.base.errors import Conflict, Invalid, LimitReached
from app.services.deliveries import webhook_calls
from app.services.subscriptions import management
from app.services.subscriptions.calls import TYPES
from app.views.web.auth import admin_required, current_user
from app.views.web.confirmation import password_required

bp = Blueprint("subscriptions", __name__, url_prefix="/admin/subscriptions")

SUBSCRIPTION = "/<row_id:subscription_id>"
Page = Response | str | tuple[str, int]


@bp.get("")
@admin_required
def index(**context: Any) -> str:
    """Render the list; the context may bring back rejected input with its errors."""
    values: dict[str, Any] = {
        "subscriptions": webhook_calls.for_subscriptions(current_user),
        "types": TYPES,
        "errors": {},
        "form": {"url": "", "types": list(TYPES)},
        "changing": None,
    }
    return render_template("subscriptions/index.html", **(values | context))


@bp.post("")
@admin_required
@password_required
def create() -> Page:
    """Respond with the page instead of a redirect: the secret must not pass through the session cookie."""
    form = _form()
    try:
        created = management.create(**form, actor=current_user, secret=current_app.config["SECRET_KEY"])
    except Invalid as error:
        return index(form=form, errors=error.errors), 422
    return index(new_secret=created)


@bp.post(f"{SUBSCRIPTION}/settings")
@admin_required
@password_required
def change(subscription_id: int) -> Page:
    form = _form()
    try:
        management.change(subscription_id, actor=current_user, **form)
    except Invalid as error:
        return index(changing=subscription_id, changed=form, errors_of_change=error.errors), 422
    flash(_("Subscription saved."))
    return _back()


@bp.post(f"{SUBSCRIPTION}/secret")
@admin_required
@password_required
def rotate_secret(subscription_id: int) -> Page:
    """Respond with the page, for the same reason. Reloading it is refused, like any second secret within a day."""
    secret = current_app.config["SECRET_KEY"]
    return index(new_secret=management.rotate(subscription_id, actor=current_user, secret=secret))


@bp.post(f"{SUBSCRIPTION}/test")
@admin_required
def send_test(subscription_id: int) -> Response:
    management.send_test(subscription_id)
    return _back()


@bp.post(f"{SUBSCRIPTION}/activation")
@admin_required
@password_required
def turn_on(subscription_id: int) -> Response:
    management.change(subscription_id, actor=current_user, is_enabled=True)
    flash(_("Subscription turned on."))
    return _back()


@bp.post(f"{SUBSCRIPTION}/pause")
@admin_required
def turn_off(subscription_id: int) -> Response:
    management.change(subscription_id, actor=current_user, is_enabled=False)
    flash(_("Subscription turned off."))
    return _back()


@bp.post(f"{SUBSCRIPTION}/removal")
@admin_required
def remove(subscription_id: int) -> Response:
    management.remove(subscription_id, actor=current_user)
    flash(_("Subscription removed."))
    return _back()


@bp.errorhandler(Conflict)
@bp.errorhandler(LimitReached)
def declined(error: Conflict | LimitReached) -> Response:
    """Show the reason on the page."""
    flash(str(error), "error")
    return _back()


def _form() -> dict[str, Any]:
    return {"url": request.form.get("url", ""), "types": request.form.getlist("types")}


def _back() -> Response:
    return redirect(url_for(".index"), 303)

"""A person's phone, browsers, chat and webhooks, and the service worker that shows push messages."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from app.services.accounts import browsers, phones, teams, webhooks
from app.services.base.errors import Invalid, LimitReached
from app.services.deliveries import webhook_calls
from app.views.web.auth import current_user, login_required
from app.views.web.confirmation import password_required
from app.views.web.static_files import FOLDER

bp = Blueprint("devices", __name__)
NUMBER = "row_id"
BROWSER = f"/account/devices/browsers/<{NUMBER}:browser_id>"
WEBHOOK = f"/account/devices/webhooks/<{NUMBER}:webhook_id>"
Page = Response | str | tuple[str, int]


@bp.get("/account/devices")
@login_required
def show(**context: Any) -> str:
    """Render the page; the context may bring back rejected input with its errors."""
    config = current_app.config
    values: dict[str, Any] = {
        "errors": {},
        "phone": current_user.phone,
        "is_verified": phones.is_verified(current_user),
        "is_code_waiting": phones.has_open_code(current_user),
        "has_sms": bool(config["TWILIO_ACCOUNT_SID"]),
        "browsers": browsers.for_user(current_user),
        "push_key": browsers.public_key(config["VAPID_PRIVATE_KEY"]),
        "teams": teams.find(current_user),
        "webhooks": webhook_calls.for_user(current_user),
    }
    return render_template("devices/show.html", **(values | context))


@bp.post("/account/devices/phone")
@login_required
def send_code() -> Page:
    try:
        phones.send_code(current_user, request.form.get("phone", ""))
    except Invalid as error:
        return show(phone=request.form.get("phone", ""), errors=error.errors), 422
    if current_app.config["TWILIO_ACCOUNT_SID"]:
        return _back("by-sms", _("Sending you a code. It works for 10 minutes."))
    return _back("by-sms", _("SMS isn't set up yet. Ask an admin for your code. It works for 10 minutes."))


@bp.post("/account/devices/phone/verification")
@login_required
def verify_phone() -> Page:
    try:
        phones.verify(current_user, request.form.get("code", ""), secret=current_app.config["SECRET_KEY"])
    except Invalid as error:
        return show(errors=error.errors), 422
    return _back("by-sms", _("Number verified. Turn on SMS in Preferences to get text messages."))


@bp.post("/account/devices/phone/removal")
@login_required
def remove_phone() -> Response:
    phones.remove(current_user)
    return _back("by-sms", _("Number removed."))


@bp.post("/account/devices/browsers")
@login_required
def subscribe() -> Page:
    fields = (request.form.get(name, "") for name in ("endpoint", "p256dh", "auth", "label"))
    try:
        row = browsers.subscribe(current_user, *fields)
    except Invalid as error:
        return show(errors=error.errors), 422
    return _back("browsers", _("“%(name)s” now shows your notifications.", name=row.label))


@bp.post(f"{BROWSER}/removal")
@login_required
def unsubscribe(browser_id: int) -> Response:
    row = browsers.remove(current_user, browser_id)
    return _back("browsers", _("“%(name)s” removed.", name=row.label))


@bp.post(f"{BROWSER}/test")
@login_required
def test_browser(browser_id: int) -> Response:
    browsers.send_test(current_user, browser_id)
    return _back("browsers", _("Sending a test notification."))


@bp.post("/account/devices/teams")
@password_required
def set_teams() -> Page:
    url = request.form.get("teams_url", "")
    try:
        teams.set_address(current_user, url, secret=current_app.config["SECRET_KEY"])
    except Invalid as error:
        return show(teams_url=url, errors=error.errors), 422
    return _back("teams", _("Teams connected. Send a test to see it there."))


@bp.post("/account/devices/teams/test")
@login_required
def test_teams() -> Response:
    teams.send_test(current_user)
    return _back("teams", _("Sending a test message."))


@bp.post("/account/devices/teams/activation")
@password_required
def switch_on_teams() -> Response:
    teams.turn_on(current_user)
    return _back("teams", _("Teams turned on."))


@bp.post("/account/devices/teams/removal")
@login_required
def remove_teams() -> Response:
    teams.remove(current_user)
    return _back("teams", _("Teams disconnected."))


@bp.post("/account/devices/webhooks")
@password_required
def create_webhook() -> Page:
    """Respond with the page instead of a redirect: the secret must not pass through the session cookie."""
    url = request.form.get("url", "")
    try:
        created = webhooks.create(current_user, url, secret=current_app.config["SECRET_KEY"])
    except Invalid as error:
        return show(url=url, errors=error.errors), 422
    return show(new_secret=created)


@bp.post(f"{WEBHOOK}/secret")
@password_required
def rotate_secret(webhook_id: int) -> Page:
    """Respond with the page, for the same reason. Reloading it is refused, like any second secret within a day."""
    return show(new_secret=webhooks.rotate(current_user, webhook_id, secret=current_app.config["SECRET_KEY"]))


@bp.post(f"{WEBHOOK}/test")
@login_required
def test_webhook(webhook_id: int) -> Response:
    webhook_calls.send_test(current_user, webhook_id)
    return redirect(url_for(".show", _anchor="webhooks"))


@bp.post(f"{WEBHOOK}/activation")
@password_required
def switch_on_webhook(webhook_id: int) -> Response:
    webhooks.change(current_user, webhook_id, is_enabled=True)
    return _back("webhooks", _("Webhook turned on."))


@bp.post(f"{WEBHOOK}/removal")
@login_required
def remove_webhook(webhook_id: int) -> Response:
    webhooks.remove(current_user, webhook_id)
    return _back("webhooks", _("Webhook removed."))


@bp.get(f"/n/<{NUMBER}:notification_id>")
def short_link(notification_id: int) -> Response:
    """Redirect from the short URL that SMS messages use."""
    return redirect(url_for("notifications.show", notification_id=notification_id))


@bp.get("/service-worker.js")
def service_worker() -> Response:
    """Serve the script at the root, because a worker controls the pages below its own URL. Never cached."""
    script = (FOLDER / "js" / "service-worker.js").read_bytes()
    return Response(
        script, content_type="text/javascript; charset=utf-8", headers={"Cache-Control": "no-cache"}
    )


@bp.errorhandler(LimitReached)
def limit_reached(error: LimitReached) -> Response:
    """Show the reason on the page."""
    flash(str(error), "error")
    return redirect(url_for(".show"))


def _back(section: str, text: str) -> Response:
    """Return to a section of the page, with a message."""
    flash(text)
    return redirect(url_for(".show", _anchor=section))

"""Admin pages for the delivery log, its messages and the blocked addresses."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from flask import Blueprint, Response, abort, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as Redirect

from app import catalog
from app.forms.deliveries import DeliveriesQuery
from app.forms.integers import parse_integer
from app.rendering.dates import zone
from app.services.base.errors import Conflict
from app.services.deliveries import actions as delivery_actions
from app.services.deliveries import chart, message_view
from app.services.deliveries import log as delivery_log
from app.services.routing import suppressions
from app.services.sending import channel_outages
from app.services.sending.email import SiteIdentity
from app.views.web.auth import admin_required, current_user
from app.views.web.mail_frame import frame_email

if TYPE_CHECKING:
    from app.models import User

bp = Blueprint("deliveries", __name__, url_prefix="/admin/deliveries")

NUMBER = "int(max=9223372036854775807)"
DELIVERY = f"/<{NUMBER}:delivery_id>"


@bp.get("")
@admin_required
def index() -> str:
    query = DeliveriesQuery.read(request.args)
    filters = query.filters(zone(current_user.time_zone))
    page = delivery_log.page_for(current_user, filters, before=query.before)
    return render_template(
        "deliveries/index.html",
        query=query,
        page=page,
        days=chart.daily_counts(current_user),
        outcomes=delivery_log.OUTCOMES,
        outages=channel_outages.current_outages(),
        channels=delivery_log.WAYS,
        types=catalog.TYPES,
    )


@bp.get(DELIVERY)
@admin_required
def show(delivery_id: int) -> str:
    return _page(delivery_id)


@bp.post(f"{DELIVERY}/link")
@admin_required
def reveal_link(delivery_id: int) -> str:
    """Respond with the page instead of a redirect: the link must not pass through the session cookie."""
    return _page(delivery_id, link=message_view.reveal_link(delivery_id, current_user))


def _page(delivery_id: int, **context: str) -> str:
    row = delivery_log.get(delivery_id)
    return render_template(
        "deliveries/show.html",
        line=delivery_log.delivery_row(row, current_user),
        row=row,
        message=message_view.load_sent_message(row, SiteIdentity.from_config(current_app.config)),
        outcome_label=delivery_log.outcome_label,
        actions=delivery_actions,
        **context,
    )


@bp.get(f"{DELIVERY}/html")
@admin_required
def html(delivery_id: int) -> Response:
    row = delivery_log.get(delivery_id)
    message = message_view.load_sent_message(row, SiteIdentity.from_config(current_app.config))
    if message is None:
        abort(404)
    return frame_email(message.html)


@bp.post(f"{DELIVERY}/retry")
@admin_required
def retry(delivery_id: int) -> Redirect:
    return _act(delivery_actions.retry, delivery_id, _("Queued for resending."))


@bp.post(f"{DELIVERY}/cancellation")
@admin_required
def cancel(delivery_id: int) -> Redirect:
    return _act(delivery_actions.cancel, delivery_id, _("Cancelled. It won't be sent."))


@bp.get("/suppressed")
@admin_required
def suppressed() -> str:
    rows, older = suppressions.page_for(before=request.args.get("before", type=parse_integer))
    return render_template("deliveries/suppressed.html", rows=rows, older=older)


@bp.post(f"/suppressed/<{NUMBER}:suppression_id>/release")
@admin_required
def release(suppression_id: int) -> Redirect:
    address = suppressions.release(suppression_id, current_user)
    flash(_("Sending to %(address)s is on again.", address=address))
    return redirect(url_for(".suppressed"), 303)


def _act(action: Callable[[int, User], None], delivery_id: int, done: str) -> Redirect:
    """Retry or cancel a delivery, and show it again with the outcome."""
    try:
        action(delivery_id, current_user)
        flash(done)
    except Conflict as error:
        flash(str(error), "error")
    return redirect(url_for(".show", delivery_id=delivery_id), 303)

"""Admin pages for the delivery log, its messages and the blocked addresses."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from flask import Blueprint, Response, abort, current_app, flash, redirect, render_template, request, url_for
from flask_babel import format_decimal, ngettext
from flask_babel import gettext as _
from werkzeug.wrappers import Response as Redirect

from app import catalog
from app.forms.deliveries import DeliveriesQuery
from app.forms.integers import parse_integer
from app.rendering.dates import zone
from app.services.base.errors import Conflict
from app.services.deliveries import actions as delivery_actions
from app.services.deliveries import chart, delivery_log, message_view
from app.services.routing import suppressions
from app.services.sending import channel_outages
from app.services.sending.email import SiteIdentity
from app.views.web import htmx
from app.views.web.auth import admin_required, current_user
from app.views.web.csv_download import csv_response
from app.views.web.datetime_filters import local
from app.views.web.mail_frame import frame_email

if TYPE_CHECKING:
    from app.models import User

bp = Blueprint("deliveries", __name__, url_prefix="/admin/deliveries")

NUMBER = "row_id"
DELIVERY = f"/<{NUMBER}:delivery_id>"


@bp.get("")
@admin_required
def index() -> str:
    query = DeliveriesQuery.read(request.args)
    filters = query.filters(zone(current_user.time_zone))
    return render_template(
        "deliveries/index.html",
        query=query,
        page=delivery_log.page_for(current_user, filters, before=query.before),
        matches=delivery_log.count_matching(filters),
        days=chart.daily_counts(current_user),
        outcomes=delivery_log.OUTCOMES,
        outages=channel_outages.current_outages(),
        channels=delivery_log.CHANNELS,
        types=catalog.TYPES,
    )


@bp.get("/deliveries.csv")
@admin_required
def export() -> Response:
    query = DeliveriesQuery.read(request.args)
    lines = delivery_log.export(current_user, query.filters(zone(current_user.time_zone)))
    header = (
        _("Number"),
        _("Created"),
        _("Channel"),
        _("Name"),
        _("Address"),
        _("Message"),
        _("Outcome"),
        _("Reason"),
        _("Attempts"),
        _("Sent"),
    )
    return csv_response("deliveries.csv", header, map(_csv_row, lines))


def _csv_row(line: delivery_log.DeliveryRow) -> tuple[object, ...]:
    row = line.delivery
    return (
        row.id,
        local(row.created_at).isoformat(timespec="seconds"),
        catalog.CHANNELS[row.channel].label,
        row.recipient_name,
        row.address,
        line.title,
        line.outcome.label,
        line.verdict,
        row.attempts,
        local(row.sent_at).isoformat(timespec="seconds") if row.sent_at and line.is_sent else "",
    )


@bp.post("/retries")
@admin_required
def retry_matching() -> Redirect:
    query = DeliveriesQuery.read(request.form)
    count = delivery_actions.retry_matching(query.filters(zone(current_user.time_zone)), current_user)
    number = format_decimal(count)
    flash(
        ngettext(
            "%(n)s delivery is queued for resending.",
            "%(n)s deliveries are queued for resending.",
            count,
            n=number,
        )
    )
    return redirect(url_for(".index", **query.params()), 303)


@bp.get(DELIVERY)
@admin_required
def show(delivery_id: int) -> Response:
    """Respond with the page, or with the delivery's row in the log, open or closed."""
    return htmx.vary(_row(delivery_id) if htmx.is_partial() else _page(delivery_id))


def _row(delivery_id: int) -> str:
    row = delivery_log.get(delivery_id)
    return render_template(
        "deliveries/_row.html",
        line=delivery_log.delivery_row(row, current_user),
        outcome_label=delivery_log.outcome_label,
        actions=delivery_actions,
        is_open="closed" not in request.args,
        is_swapped=True,
    )


@bp.post(f"{DELIVERY}/secret")
@admin_required
def reveal_secret(delivery_id: int) -> str:
    """Respond with the page instead of a redirect: the secret must not pass through the session cookie."""
    return _page(delivery_id, secret=message_view.reveal_secret(delivery_id, current_user))


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
def retry(delivery_id: int) -> Redirect | str:
    return _act(delivery_actions.retry, delivery_id, _("Queued for resending."))


@bp.post(f"{DELIVERY}/cancellation")
@admin_required
def cancel(delivery_id: int) -> Redirect | str:
    return _act(delivery_actions.cancel, delivery_id, _("Cancelled. It won't be sent."))


@bp.get("/suppressed")
@admin_required
def suppressed() -> str:
    search = request.args.get("q", "").strip()[:200]
    rows, older = suppressions.page_for(search, before=request.args.get("before", type=parse_integer))
    return render_template("deliveries/suppressed.html", search=search, rows=rows, older=older)


@bp.post(f"/suppressed/<{NUMBER}:suppression_id>/release")
@admin_required
def release(suppression_id: int) -> Redirect:
    address = suppressions.release(suppression_id, current_user)
    flash(_("%(address)s is no longer blocked.", address=address))
    return redirect(url_for(".suppressed"), 303)


def _act(action: Callable[[int, User], None], delivery_id: int, done: str) -> Redirect | str:
    """Retry or cancel a delivery, and show it again with the outcome: its row in the log, or its page."""
    is_refused = False
    try:
        action(delivery_id, current_user)
    except Conflict as error:
        done, is_refused = str(error), True
    if htmx.is_partial():
        toast = render_template("shared/toast_oob.html", text=done, is_error=is_refused)
        return _row(delivery_id) + toast
    flash(done, "error" if is_refused else "message")
    return redirect(url_for(".show", delivery_id=delivery_id), 303)

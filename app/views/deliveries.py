"""The log of deliveries: a page for admins, and each mail that was kept instead of sent."""

from __future__ import annotations

from flask import Blueprint, Response, abort, make_response, render_template, request

from app.forms.deliveries import DeliveriesQuery
from app.services import delivery_log
from app.views.access import admin_required, current_user

bp = Blueprint("deliveries", __name__, url_prefix="/admin/deliveries")

DELIVERY = "/<int(max=9223372036854775807):delivery_id>"


@bp.get("")
@admin_required
def index() -> str:
    query = DeliveriesQuery.read(request.args)
    filters = delivery_log.Filters(outcomes=query.outcomes, channels=query.channels)
    page = delivery_log.page_for(current_user, filters, before=query.before)
    outcomes, ways = delivery_log.OUTCOMES, delivery_log.WAYS
    return render_template("deliveries/index.html", query=query, page=page, outcomes=outcomes, ways=ways)


@bp.get(DELIVERY)
@admin_required
def show(delivery_id: int) -> str:
    row = delivery_log.get(delivery_id)
    line, kept = delivery_log.line(row, current_user), delivery_log.kept(row)
    return render_template(
        "deliveries/show.html", line=line, row=row, kept=kept, outcome_of=delivery_log.OUTCOME_OF
    )


@bp.get(f"{DELIVERY}/html")
@admin_required
def html(delivery_id: int) -> Response:
    kept = delivery_log.kept(delivery_log.get(delivery_id))
    if kept is None:
        abort(404)
    response = make_response(kept.html)
    # A mail brings its own styles, which our pages' policy forbids; it may do nothing else, framed or opened alone.
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; sandbox; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'self'"
    )
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response

"""Why somebody got a notification, or did not: for its owner, and for admins from the delivery log."""

from __future__ import annotations

from flask import Blueprint, render_template, url_for

from app.services.deliveries import explanations
from app.services.deliveries import log as delivery_log
from app.services.deliveries.explanations import Explanation
from app.views.web.auth import admin_required, current_user, login_required

bp = Blueprint("explanations", __name__)

ID = "int(max=9223372036854775807)"


@bp.get(f"/notifications/<{ID}:notification_id>/explanation")
@login_required
def show(notification_id: int) -> str:
    found = explanations.for_owner(current_user, notification_id)
    return _page(found, url_for("notifications.show", notification_id=notification_id))


@bp.get(f"/admin/deliveries/<{ID}:delivery_id>/explanation")
@admin_required
def of_delivery(delivery_id: int) -> str:
    found = explanations.for_admin(current_user, delivery_id)
    return _page(found, url_for("deliveries.show", delivery_id=delivery_id), nav="deliveries")


def _page(found: Explanation, back: str, nav: str = "inbox") -> str:
    return render_template(
        "explanations/show.html",
        found=found,
        back=back,
        nav=nav,
        outcome_of=delivery_log.outcome_label,
    )

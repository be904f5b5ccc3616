"""Explains how a notification reached its recipient: to its owner, and to admins from the delivery log."""

from __future__ import annotations

from flask import Blueprint, render_template, url_for

from app.services.deliveries import delivery_log, explanations
from app.services.deliveries.explanations import Explanation
from app.views.presenters import reason_links
from app.views.web.auth import admin_required, current_user, login_required

bp = Blueprint("explanations", __name__)

ID = "row_id"


@bp.get(f"/notifications/<{ID}:notification_id>/explanation")
@login_required
def show(notification_id: int) -> str:
    explanation = explanations.for_owner(current_user, notification_id)
    return _page(explanation, url_for("notifications.show", notification_id=notification_id))


@bp.get(f"/admin/deliveries/<{ID}:delivery_id>/explanation")
@admin_required
def show_for_delivery(delivery_id: int) -> str:
    explanation = explanations.for_admin(current_user, delivery_id)
    return _page(explanation, url_for("deliveries.show", delivery_id=delivery_id), nav="deliveries")


def _page(explanation: Explanation, back: str, nav: str = "inbox") -> str:
    return render_template(
        "explanations/show.html",
        explanation=explanation,
        back=back,
        nav=nav,
        outcome_label=delivery_log.outcome_label,
        change_url=reason_links.change_url,
    )

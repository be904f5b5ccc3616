"""Unsubscribing by the link in an email (RFC 8058): no sign-in, no cookies, and a GET changes nothing."""

from __future__ import annotations

from flask import Blueprint, current_app, render_template

from app.extensions import csrf
from app.services.base.errors import NotFound
from app.services.preferences import unsubscribe

bp = Blueprint("unsubscribe", __name__, url_prefix="/unsubscribe/<token>")
# The signed link is the permission: mail programs post to it without a session or a CSRF token.
csrf.exempt(bp)


@bp.get("")
def show(token: str) -> str:
    subscription = unsubscribe.find(token, _secret())
    return render_template("unsubscribe/show.html", subscription=subscription, token=token)


@bp.post("")
def stop(token: str) -> str:
    subscription = unsubscribe.stop(token, _secret())
    # If it was already off, there is nothing to undo.
    page = "unsubscribe/stopped.html" if subscription.has_changed else "unsubscribe/show.html"
    return render_template(page, subscription=subscription, token=token)


@bp.post("/undo")
def resume(token: str) -> str:
    subscription = unsubscribe.resume(token, _secret())
    return render_template("unsubscribe/resumed.html", subscription=subscription, token=token)


@bp.errorhandler(NotFound)
def broken(error: NotFound) -> tuple[str, int]:
    """Say that the link is invalid, and where to find a working one."""
    return render_template("unsubscribe/broken.html", error=error), 404


def _secret() -> str:
    return str(current_app.config["SECRET_KEY"])

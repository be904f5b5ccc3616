"""Muting by the link in an email: no sign-in, no cookies, and a GET changes nothing."""

from __future__ import annotations

from flask import Blueprint, current_app, render_template

from app.extensions import csrf
from app.services.base.errors import NotFound
from app.services.follows import links

bp = Blueprint("mail_mutes", __name__, url_prefix="/mute/<token>")
# The signed link is the permission.
csrf.exempt(bp)


@bp.get("")
def show(token: str) -> str:
    return render_template("follows/mail.html", link=links.find(token, _secret()), token=token)


@bp.post("")
def mute(token: str) -> str:
    return render_template("follows/mail.html", link=links.mute(token, _secret()), token=token)


@bp.post("/undo")
def unmute(token: str) -> str:
    return render_template("follows/mail.html", link=links.unmute(token, _secret()), token=token)


@bp.errorhandler(NotFound)
def broken(error: NotFound) -> tuple[str, int]:
    """Say that the link is invalid, and where to find a working one."""
    return render_template("unsubscribe/broken.html", error=error), 404


def _secret() -> str:
    return str(current_app.config["SECRET_KEY"])

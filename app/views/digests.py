"""Digest pages: marking the content of a digest as read, and a preview of the next one."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, Response, current_app, render_template, request
from flask_babel import force_locale

from app.catalog import DAILY_DIGEST, WEEKLY_SUMMARY
from app.clock import utc_now
from app.rendering import email
from app.services.base.errors import NotFound
from app.services.digests import contents as digest_contents
from app.services.digests import email as digest_email
from app.services.digests import links as digest_links
from app.services.sending import email as sending_email
from app.services.sending.email import SiteIdentity
from app.views.web.auth import current_user, login_required
from app.views.web.mail_frame import frame_email

bp = Blueprint("digests", __name__)

DIGEST_TYPES = {"daily": DAILY_DIGEST, "weekly": WEEKLY_SUMMARY}


@bp.get("/digests/<token>")
def show(token: str) -> str:
    return render_template("digests/show.html", batch=digest_links.find(token, _secret()), token=token)


@bp.post("/digests/<token>")
def mark_read(token: str) -> str:
    change = digest_links.mark_read(token, _secret())
    undo_token = digest_links.undo_token(token, _secret(), change) if change.id else ""
    return render_template("digests/marked.html", change=change, undo_token=undo_token, token=token)


@bp.post("/digests/<token>/undo")
def undo(token: str) -> str:
    change = digest_links.undo(token, _secret(), request.form.get("undo_token", ""))
    return render_template("digests/undone.html", change=change, token=token)


@bp.get("/preferences/digest-preview")
@login_required
def preview() -> str:
    now = utc_now()
    has_unread = digest_contents.has_unread(current_user.id, now, now)
    return render_template("digests/preview.html", kind=_kind(), has_unread=has_unread)


@bp.get("/preferences/digest-preview/mail")
@login_required
def preview_mail() -> Response:
    """Render the email as it would be sent tomorrow."""
    now, config = utc_now(), current_app.config
    with force_locale(current_user.locale):
        _texts, content = digest_email.compose_digest(
            DIGEST_TYPES[_kind()],
            current_user,
            now,
            now,
            base_url=config["BASE_URL"],
            secret=config["SECRET_KEY"],
            day=now + timedelta(days=1),
        )
        sender = sending_email.sender_name(SiteIdentity.from_config(config))
        return frame_email(email.render(content, sender).html)


@bp.errorhandler(NotFound)
def broken(error: NotFound) -> tuple[str, int]:
    return render_template("unsubscribe/broken.html", error=error), 404


def _kind() -> str:
    kind = request.args.get("kind", "")
    return kind if kind in DIGEST_TYPES else "daily"


def _secret() -> str:
    return str(current_app.config["SECRET_KEY"])

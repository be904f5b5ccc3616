"""What a person searched for last."""

from __future__ import annotations

from contextlib import suppress

from flask import Blueprint, redirect, render_template, request, url_for
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from app.forms.notifications import ListQuery
from app.services.base.errors import Invalid
from app.services.notifications import recent_searches as notification_recent_searches
from app.views.web import htmx
from app.views.web.auth import current_user, login_required

bp = Blueprint("searches", __name__, url_prefix="/notifications/searches")

# What the search box teaches: a term, and what it finds.
HINTS = (
    ("is:unread", _l("or is:saved, is:done, is:later")),
    ("type:interview", _l("of one kind")),
    ("priority:urgent", _l("of one priority")),
    ("from:today", _l("or 2026-01-31; and before:")),
    ('"on site"', _l("these words, just so")),
    ("-reminder", _l("without this")),
)


@bp.app_context_processor
def _hints() -> dict[str, object]:
    return {"search_hints": HINTS}


@bp.app_template_global()
def recent_searches() -> list[str]:
    """What the search box offers again."""
    return notification_recent_searches.recent_searches(current_user)


@bp.route("", methods=["POST", "DELETE"])
@login_required
def change() -> Response:
    """Note a search that was made, or forget all of them."""
    query = ListQuery.read(request.form)
    if request.method == "DELETE" or request.form.get("_method") == "delete":
        notification_recent_searches.forget(current_user)
    else:
        _remember(query.search)
    if not htmx.is_partial():
        return redirect(url_for("notifications.index"), 303)
    return htmx.vary(render_template("notifications/toolbar/_recent.html", query=query))


def _remember(search: str) -> None:
    # Of one that is not understood the list says what is wrong; nobody wants to make it again.
    with suppress(Invalid):
        notification_recent_searches.remember(current_user, search)

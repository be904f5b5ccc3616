"""The rows of a list that a form names."""

from __future__ import annotations

from flask import request
from flask_babel import gettext as _

from app.forms.integers import parse_integer
from app.services.base.errors import NotFound
from app.services.notifications import inbox
from app.services.notifications.filters import Filters
from app.views.web.auth import current_user


def first_selected() -> int:
    """Return the id of the first of the selected rows, or of the newest in the first selected stack.

    Raises:
        NotFound: none is selected.
    """
    ids = request.form.getlist("ids", type=parse_integer)
    if not ids and (keys := request.form.getlist("stacks")):
        ids = [row.id for row in inbox.page_for(current_user, Filters("all", stack=keys[0]), limit=1).rows]
    if not ids:
        raise NotFound(_("Notification not found."))
    return int(ids[0])

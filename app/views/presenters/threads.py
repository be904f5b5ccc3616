"""Threads: everything about one candidate or job, as a search by id, or by name if it has no id."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from flask import url_for
from flask_babel import gettext as _

from app.services.base.errors import Invalid
from app.services.follows import management as follows
from app.views.web.auth import current_user

if TYPE_CHECKING:
    from app.forms.notifications import ListQuery
    from app.models import Notification


KINDS = ("candidate", "job")


class Thread(NamedTuple):
    """A link to a thread; `kind` is also its icon."""

    kind: str
    label: str
    url: str


def threads_of(row: Notification) -> list[Thread]:
    """List the threads that a notification is part of."""
    names = {"candidate": _name(row, "candidate_name"), "job": _name(row, "job_title")}
    ids = {"candidate": row.candidate_id, "job": row.job_id}
    return [
        Thread(kind, _("All about %(name)s", name=name), thread_url(kind, ids[kind] or name))
        for kind, name in names.items()
        if name and '"' not in (ids[kind] or name)
    ]


def thread_url(kind: str, value: str) -> str:
    """Return the URL of the thread of a candidate or a job with this id or name."""
    return url_for("notifications.index", place="all", q=f'{kind}:"{value}"')


def thread_title(query: ListQuery) -> str:
    """Return the name of the candidate or the job whose thread a list is; "" for other lists."""
    if not query.search.startswith(tuple(f"{kind}:" for kind in KINDS)):
        return ""
    try:
        terms = query.filters(current_user.time_zone).search.terms
    except Invalid:
        return ""
    if len(terms) != 1 or terms[0].is_not or terms[0].name not in KINDS:
        return ""
    name = follows.name_of(current_user, f"{terms[0].name}:{terms[0].value}")
    # A part of a name, without quotes, is an ordinary search.
    return name if name != terms[0].value or '"' in query.search else ""


def _name(row: Notification, field: str) -> str:
    known = row.facts.get(field) or (getattr(row.interview, field) if row.interview else "")
    return str(known or (row.event.data.get(field, "") if row.event else ""))

"""A person's own notifications."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response, request

from app.api.answers import answer, answer_page, answer_ready, tagged
from app.api.auth import caller, requires
from app.api.body import asks, takes
from app.api.schemas.notifications import (
    BulkMarkRead,
    DetailQuery,
    ListQuery,
    MarkRead,
    NotificationOut,
    NotificationPage,
    Summary,
    UnreadCount,
    Updated,
)
from app.services import listing, notifications
from app.services.notifications import Filters

bp = APIBlueprint("notifications", __name__, url_prefix="/notifications", tag="Notifications")

POLL_SECONDS = "15"


@bp.get("/")
@requires("read")
@bp.output(NotificationPage)
@asks(ListQuery)
def list_notifications(query: ListQuery) -> Response:
    """List notifications

    Newest first. Pages are found by key, so a list stays in place while new rows arrive.
    """
    only = frozenset(query.fields) or None
    page = listing.page_for(caller(), _filters(query), cursor=query.cursor, limit=query.limit, only=only)
    return answer_page(page.rows, page.next, page.previous)


@bp.get("/<row_id:notification_id>/")
@requires("read")
@bp.output(NotificationOut)
@asks(DetailQuery)
def show_notification(query: DetailQuery, notification_id: int) -> Response:
    """Read one notification

    This marks it read, unless `peek` is true.
    """
    user = caller().user
    if query.peek or request.method == "HEAD":
        return answer(NotificationOut.model_validate(notifications.get(user, notification_id)))
    return answer(
        NotificationOut.model_validate(notifications.mark_notification_as_read(notification_id, user))
    )


@bp.post("/mark-read/")
@requires("write")
@bp.output(NotificationOut)
@takes(MarkRead)
def mark_read(body: MarkRead) -> Response:
    """Mark one notification read"""
    row = notifications.mark_notification_as_read(body.notification_id, caller().user)
    return answer(NotificationOut.model_validate(row))


@bp.post("/bulk-mark-read/")
@requires("write")
@bp.output(Updated)
@takes(BulkMarkRead)
def bulk_mark_read(body: BulkMarkRead) -> Response:
    """Mark several notifications read"""
    change = notifications.change(caller().user, "read", ids=body.notification_ids)
    return answer(Updated(updated=change.count))


@bp.get("/summary/")
@requires("read")
@bp.output(Summary)
def show_summary() -> Response:
    """Count notifications by type, priority, status and channel"""
    return answer(Summary(**notifications.summary(caller().user)))


@bp.get("/unread-count/")
@requires("read")
@bp.output(UnreadCount)
def show_unread_count() -> Response:
    """Count what is unread

    Made to be polled: send the `ETag` back as `If-None-Match`, and wait `X-Poll-Interval` seconds between calls.
    """
    count = notifications.unread_count(caller())
    response = answer_ready(b'{"unread_count":%d}' % count, headers={"X-Poll-Interval": POLL_SECONDS})
    return tagged(response, f"{caller().id}-{count}")


def _filters(query: ListQuery) -> Filters:
    return Filters(
        place="all",
        categories=tuple(query.category),
        types=tuple(query.notification_type),
        priorities=tuple(query.priority),
        statuses=tuple(query.status),
        is_read=query.is_read,
        created_after=query.created_after,
        created_before=query.created_before,
        search=query.search,
    )

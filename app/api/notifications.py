"""The caller's notifications."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response, request
from flask_babel import gettext as _

from app.api.http.auth import caller, requires
from app.api.http.request_body import json_body, query_params
from app.api.http.responses import json_bytes_response, json_page_response, json_response, with_etag
from app.api.schemas.notifications import (
    BulkMarkRead,
    ChangeIn,
    ChangeOut,
    DetailQuery,
    ExplanationOut,
    MarkRead,
    NotificationList,
    NotificationOut,
    NotificationQuery,
    Selection,
    Summary,
    UnreadCount,
    Updated,
)
from app.services.base.errors import Invalid
from app.services.deliveries import explanations
from app.services.notifications import actions, counts, json_list, search_query
from app.services.notifications import undo as notification_undo
from app.services.notifications.filters import Filters
from app.services.notifications.search_query import EVERYTHING

bp = APIBlueprint("notifications", __name__, url_prefix="/notifications", tag="Notifications")

POLL_SECONDS = "15"


@bp.get("/")
@requires("read")
@bp.output(NotificationList)
@query_params(NotificationQuery)
def list_notifications(query: NotificationQuery) -> Response:
    """List notifications

    Newest first. New notifications do not shift the pages, so following `next` neither skips nor repeats any.
    """
    fields = frozenset(query.fields) or None
    who = caller()
    page = json_list.page_for(
        who.id,
        _filters(query),
        cursor=query.cursor,
        limit=query.limit,
        only=fields,
        version=who.inbox_version,
    )
    return json_page_response(page.rows, page.fingerprint, page.next, page.previous)


@bp.get("/<row_id:notification_id>/")
@requires("read")
@bp.output(NotificationOut)
@query_params(DetailQuery)
def show_notification(query: DetailQuery, notification_id: int) -> Response:
    """Get a notification

    This marks it read, unless `peek` is true.
    """
    is_only_looked_at = query.peek or request.method == "HEAD"
    return json_bytes_response(json_list.get(caller(), notification_id, mark_read=not is_only_looked_at))


@bp.post("/mark-read/")
@requires("write")
@bp.output(NotificationOut)
@json_body(MarkRead)
def mark_read(body: MarkRead) -> Response:
    """Mark a notification read"""
    return json_bytes_response(json_list.mark_as_read(caller(), body.notification_id))


@bp.post("/bulk-mark-read/")
@requires("write")
@bp.output(Updated)
@json_body(BulkMarkRead)
def bulk_mark_read(body: BulkMarkRead) -> Response:
    """Mark several notifications read"""
    change = actions.change(caller(), "read", ids=body.notification_ids)
    return json_response(Updated(updated=change.count))


@bp.get("/summary/")
@requires("read")
@bp.output(Summary)
def show_summary() -> Response:
    """Count notifications by type, priority, status and channel"""
    return json_response(Summary(**counts.summary(caller().user)))


@bp.get("/unread-count/")
@requires("read")
@bp.output(UnreadCount)
def show_unread_count() -> Response:
    """Count unread notifications

    Made for polling: send the `ETag` back as `If-None-Match` and wait `X-Poll-Interval` seconds between calls.
    """
    who = caller()
    count = counts.unread_count(who.id, version=who.inbox_version)
    response = json_bytes_response(b'{"unread_count":%d}' % count, headers={"X-Poll-Interval": POLL_SECONDS})
    return with_etag(response, f"{who.id}-{count}")


@bp.get("/<row_id:notification_id>/explain/")
@requires("read")
@bp.output(ExplanationOut)
def explain_notification(notification_id: int) -> Response:
    """Explain why a notification was sent, channel by channel"""
    explanation = explanations.for_owner(caller().user, notification_id)
    return json_response(
        ExplanationOut.model_validate({**vars(explanation), "notification_id": notification_id})
    )


@bp.post("/changes/")
@requires("write")
@bp.output(ChangeOut)
@json_body(ChangeIn)
def change_notifications(body: ChangeIn) -> Response:
    """Change several notifications at once

    Select them by `notification_ids` or by `filter`, which has no limit. Ids of other users' notifications are ignored.
    """
    if (body.notification_ids is None) == (body.filter is None):
        raise Invalid({"notification_ids": _("Give either notification_ids or filter, not both.")})
    change = actions.change(
        caller(),
        body.action,
        ids=body.notification_ids,
        filters=_filters_of(body.filter) if body.filter else None,
        until=body.until,
    )
    return json_response(ChangeOut(id=change.id, action=change.action, updated=change.count))


@bp.post("/changes/<row_id:change_id>/undo/")
@requires("write")
@bp.output(ChangeOut)
def undo_change(change_id: int) -> Response:
    """Undo a change

    Restores the previous state, up to ten minutes later. Undoing again changes nothing and responds the same.
    """
    change = notification_undo.undo_change(caller(), change_id)
    return json_response(ChangeOut(id=change.id, action=change.action, updated=change.count))


def _metadata(query: NotificationQuery | Selection) -> dict[str, str]:
    return {name.partition(".")[2]: value for name, value in (query.model_extra or {}).items()}


def _filters_of(selection: Selection) -> Filters:
    try:
        return _filters(selection)
    except Invalid as error:
        raise Invalid({f"filter.{name}": text for name, text in error.errors.items()}) from error


def _filters(query: NotificationQuery | Selection) -> Filters:
    return Filters(
        place=query.place,
        categories=tuple(query.category),
        types=tuple(query.notification_type),
        priorities=tuple(query.priority),
        statuses=tuple(query.status),
        is_read=query.is_read,
        created_after=query.created_after,
        created_before=query.created_before,
        candidate_id=query.candidate_id,
        job_id=query.job_id,
        metadata=tuple(sorted(_metadata(query).items())),
        # Days start at midnight in the caller's time zone.
        search=search_query.parse(query.search, caller().time_zone) if query.search else EVERYTHING,
    )

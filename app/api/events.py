"""Events reported by the platform, as CloudEvents 1.0."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote_to_bytes

from apiflask import APIBlueprint
from flask import Response, request
from flask_babel import gettext as _
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import BadRequest

from app.api.http import idempotency
from app.api.http.auth import caller, requires
from app.api.http.problems import Unprocessable, error_in_body, errors_of
from app.api.http.request_body import UnstorableText, json_body, query_params, storable, validate
from app.api.http.responses import json_response
from app.api.schemas.events import (
    BatchError,
    BatchOut,
    BatchResult,
    CancelledEventOut,
    DeliveryOut,
    EventBatch,
    EventBody,
    EventName,
    EventNotification,
    EventOut,
    EventQuery,
    EventRoom,
)
from app.services.base import outages
from app.services.base.errors import Invalid
from app.services.events import cancel as event_cancel
from app.services.events import data as event_data
from app.services.events import publish as event_publish
from app.services.events.publish import IncomingEvent
from app.services.events.result import PublishResult

# Keeps the response to a batch of invalid events from being larger than the batch.
MAX_ERRORS_PER_EVENT = 5

bp = APIBlueprint("events", __name__, url_prefix="/events", tag="Events")


def _is_binary_mode() -> bool:
    """Whether the body is only the event's data (CloudEvents HTTP binding 1.0, 3.1)."""
    return "ce-specversion" in request.headers and request.mimetype == "application/json"


def _merge_headers(data: Any) -> Any:
    if not _is_binary_mode():
        return data
    attributes: dict[str, Any] = {
        name[3:].lower(): _decode_header(name[3:].lower(), value)
        for name, value in request.headers
        if name.lower().startswith("ce-") and name.lower() != "ce-datacontenttype"
    }
    return attributes | {"datacontenttype": request.headers["Content-Type"], "data": data}


def _decode_header(name: str, value: str) -> str:
    """Unquote a header field's value, then decode its percent-encoding (3.1.3.2), or UTF-8 that has none."""
    if re.fullmatch(r'"(?:[^"\\]|\\.)*"', value):
        value = re.sub(r"\\(.)", r"\1", value[1:-1])
    try:
        return unquote_to_bytes(value.encode("latin-1")).decode()
    except UnicodeDecodeError as error:
        raise Unprocessable([error_in_body([name], _("This is not valid UTF-8."))]) from error


@bp.post("/")
@requires("events")
@bp.output(EventOut, status_code=201, description="The event is new; its notifications were created.")
@bp.doc(responses={200: "The event was already known, or this is a dry run."})
@json_body(
    EventBody,
    media_types=("application/json", "application/cloudevents+json"),
    merge_headers=_merge_headers,
    empty_body=lambda: b"{}" if _is_binary_mode() else b"",
)
@query_params(EventQuery)
def report_event(body: EventBody, query: EventQuery) -> Response:
    """Report an event

    The body is a CloudEvents 1.0 object, or in binary mode only its data, with the attributes in `ce-` header fields.
    An event is identified by `source` and `id`; reporting it again has no effect.
    """
    status, outcome = _publish(body, is_dry_run=query.dry_run)
    return json_response(outcome, status)


@bp.post("/batch/")
@requires("events")
@bp.output(BatchOut)
@json_body(EventBatch, media_types=("application/json", "application/cloudevents-batch+json"), is_batch=True)
@query_params(EventQuery)
def report_events(body: EventBatch, query: EventQuery) -> Response:
    """Report up to 1,000 events

    Each event is handled on its own: an invalid one does not affect the others.
    """
    # Published events are recognised as duplicates in the database; those of a dry run must be remembered here.
    tried: dict[tuple[str, str], EventOut] = {}
    results = [
        _batch_result(index, event, tried, is_dry_run=query.dry_run) for index, event in enumerate(body.root)
    ]
    return json_response(BatchOut(results=results))


@bp.post("/cancel/")
@requires("events")
@bp.output(CancelledEventOut)
@json_body(EventName)
def cancel_reported_event(body: EventName) -> Response:
    """Cancel an event by its source and id

    What has not been sent yet is not sent, and the inbox no longer shows it. To call off an interview, report
    `interview.cancelled` instead. Cancelling again changes nothing.
    """
    return _cancelled(event_cancel.cancel_by_source(caller().user, body.source, body.id))


@bp.post("/<row_id:event_id>/cancel/")
@requires("events")
@bp.output(CancelledEventOut)
def cancel_event(event_id: int) -> Response:
    """Cancel an event by its `event_id`"""
    return _cancelled(event_cancel.cancel_by_id(caller().user, event_id))


def _cancelled(result: event_cancel.CancelledEvent) -> Response:
    event = result.event
    return json_response(
        CancelledEventOut(
            event_id=event.id,
            id=event.external_id,
            source=event.source,
            type=event.type,
            expired_notifications=result.notifications,
            cancelled_deliveries=result.deliveries,
        )
    )


def _batch_result(
    index: int, event: Any, tried: dict[tuple[str, str], EventOut], *, is_dry_run: bool
) -> BatchResult:
    try:
        body = validate(EventBody, storable(event))
        status, outcome = _publish(body, is_dry_run=is_dry_run)
    except (BadRequest, Unprocessable, Invalid) as error:
        errors = [_batch_error(index, each) for each in _errors(error)[:MAX_ERRORS_PER_EVENT]]
        return BatchResult(status=422, event=None, errors=errors)
    except SQLAlchemyError as error:
        if not outages.is_outage(error) or idempotency.HEADER in request.headers:
            raise  # With a key the whole batch is one transaction, which is rolled back.
        outages.report(error)
        detail = _("The database is unavailable. Send this event again.")
        failure = BatchError(field="", detail=detail, pointer=f"#/{index}")
        return BatchResult(status=503, event=None, errors=[failure])
    if is_dry_run:
        earlier = tried.setdefault((body.source, body.id), outcome)
        if earlier is not outcome:
            outcome = earlier.model_copy(update={"is_duplicate": True})
    return BatchResult(status=status, event=outcome, errors=[])


def _errors(error: BadRequest | Unprocessable | Invalid) -> Sequence[Mapping[str, str]]:
    if isinstance(error, BadRequest):
        path = error.path if isinstance(error, UnstorableText) else []
        return [error_in_body(path, str(error.description))]
    return errors_of(error) if isinstance(error, Invalid) else error.errors


def _batch_error(index: int, error: Mapping[str, str]) -> BatchError:
    """Make an error of one event point into the whole batch."""
    pointer = f"#/{index}" + error["pointer"].removeprefix("#")
    return BatchError(field=error["field"], detail=error["detail"], pointer=pointer)


def _publish(body: EventBody, *, is_dry_run: bool) -> tuple[int, EventOut]:
    data = event_data.validate(body.type, body.data or {})
    recipients = data.pop("recipients", None)
    event = IncomingEvent(body.source, body.id, body.type, body.time, data, recipients, body.subject)
    result = event_publish.publish(event, dry_run=is_dry_run)
    is_new = not (result.is_duplicate or is_dry_run)
    return 201 if is_new else 200, _output(event, result, is_dry_run=is_dry_run)


def _output(event: IncomingEvent, result: PublishResult, *, is_dry_run: bool) -> EventOut:
    by_recipient: dict[tuple[int | None, str, str], list[DeliveryOut]] = {}
    for verdict in result.describe_verdicts():
        key = verdict.notification_id, verdict.recipient_email, verdict.route
        by_recipient.setdefault(key, []).append(DeliveryOut.model_validate(verdict))
    return EventOut(
        event_id=result.event_id,
        id=event.external_id,
        source=event.source,
        type=result.type,
        is_duplicate=result.is_duplicate,
        is_dry_run=is_dry_run,
        notifications=[
            EventNotification(
                id=notification_id, recipient=email, recipient_reason=route, deliveries=deliveries
            )
            for (notification_id, email, route), deliveries in by_recipient.items()
        ],
        rooms=[EventRoom.model_validate(verdict) for verdict in result.describe_rooms()],
    )

"""What happened on the platform, reported by the platform."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from apiflask import APIBlueprint
from flask import Response, request
from flask_babel import gettext as _
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import BadRequest

from app.api.http import idempotency
from app.api.http.auth import requires
from app.api.http.problems import Unprocessable, error_in_body, errors_of
from app.api.http.request_body import UnstorableText, json_body, query_params, refuse_unstorable, validate
from app.api.http.responses import json_response
from app.api.schemas.events import (
    BatchError,
    BatchOut,
    BatchResult,
    DeliveryOut,
    EventBatch,
    EventBody,
    EventNotification,
    EventOut,
    EventQuery,
)
from app.clock import utc_now
from app.database.base import db
from app.services.base.errors import Invalid
from app.services.events import data as event_data
from app.services.events import publish as event_publish
from app.services.events.publish import IncomingEvent
from app.services.events.result import PublishResult

# Of one event among many; more would make the answer longer than what was sent.
MOST_ERRORS_EACH = 5

bp = APIBlueprint("events", __name__, url_prefix="/events", tag="Events")


def _is_binary() -> bool:
    """Whether the body is only the data of the event (CloudEvents HTTP binding 1.0, 3.1: binary mode)."""
    return "ce-specversion" in request.headers and request.mimetype == "application/json"


def _with_headers(data: Any) -> Any:
    if not _is_binary():
        return data
    attributes: dict[str, Any] = {
        name[3:].lower(): _attribute(name[3:].lower(), value)
        for name, value in request.headers
        if name.lower().startswith("ce-") and name.lower() != "ce-datacontenttype"
    }
    return attributes | {"datacontenttype": request.headers["Content-Type"], "data": data}


def _attribute(name: str, value: str) -> str:
    """A header field's value: first out of its quotes, then out of its percent signs (3.1.3.2)."""
    if re.fullmatch(r'"(?:[^"\\]|\\.)*"', value):
        value = re.sub(r"\\(.)", r"\1", value[1:-1])
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError as error:
        raise Unprocessable([error_in_body([name], _("This is not UTF-8."))]) from error


@bp.post("/")
@requires("events")
@bp.output(EventOut, status_code=201, description="The event is new; its notifications are written.")
@bp.doc(responses={200: "The event was known already, or this is a dry run."})
@json_body(
    EventBody,
    media_types=("application/json", "application/cloudevents+json"),
    whole=_with_headers,
    instead=lambda: b"{}" if _is_binary() else b"",
)
@query_params(EventQuery)
def report_event(body: EventBody, query: EventQuery) -> Response:
    """Report an event

    A CloudEvents 1.0 body, or with the `ce-` header fields of its binary mode the data alone. The pair `source` and
    `id` is delivered once, however often it is sent.
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

    Each stands for itself: one that cannot be used does not stop the others.
    """
    # Written ones are found again as duplicates; those of a dry run are remembered instead.
    tried: dict[tuple[str, str], EventOut] = {}
    results = [
        _one_of_many(place, event, tried, is_dry_run=query.dry_run) for place, event in enumerate(body.root)
    ]
    return json_response(BatchOut(results=results))


def _in_trouble(place: int, error: OperationalError) -> BatchResult:
    """What the database did not take, when others of the batch may stand already: it can be sent again."""
    if idempotency.HEADER in request.headers:
        raise error  # All of the batch is one transaction, and nothing of it stands.
    db.session.rollback()
    said = BatchError(
        field="", detail=_("The database does not answer. Send this one again."), pointer=f"#/{place}"
    )
    return BatchResult(status=503, event=None, errors=[said])


def _one_of_many(
    place: int, event: Any, tried: dict[tuple[str, str], EventOut], *, is_dry_run: bool
) -> BatchResult:
    try:
        refuse_unstorable(event)
        body = validate(EventBody, event)
        status, outcome = _publish(body, is_dry_run=is_dry_run)
    except (BadRequest, Unprocessable, Invalid) as error:
        found = [_within(place, each) for each in _mistakes(error)[:MOST_ERRORS_EACH]]
        return BatchResult(status=422, event=None, errors=found)
    except OperationalError as error:
        return _in_trouble(place, error)
    if is_dry_run and (earlier := tried.setdefault((body.source, body.id), outcome)) is not outcome:
        outcome = earlier.model_copy(update={"is_duplicate": True})
    return BatchResult(status=status, event=outcome, errors=[])


def _mistakes(error: BadRequest | Unprocessable | Invalid) -> Sequence[Mapping[str, str]]:
    if isinstance(error, BadRequest):
        path = error.path if isinstance(error, UnstorableText) else []
        return [error_in_body(path, str(error.description))]
    return errors_of(error) if isinstance(error, Invalid) else error.errors


def _within(place: int, error: Mapping[str, str]) -> BatchError:
    """A mistake of one event, as it stands in the whole batch."""
    pointer = "#/" + str(place) + error["pointer"].removeprefix("#")
    return BatchError(field=error["field"], detail=error["detail"], pointer=pointer)


def _publish(body: EventBody, *, is_dry_run: bool) -> tuple[int, EventOut]:
    data = event_data.validate(body.type, body.data or {})
    recipients = data.pop("recipients", None)
    event = IncomingEvent(
        body.source, body.id, body.type, body.time or utc_now(), data, recipients, body.subject
    )
    published = event_publish.publish(event, dry_run=is_dry_run)
    is_new = not (published.is_duplicate or is_dry_run)
    return 201 if is_new else 200, _outcome(event, published, is_dry_run=is_dry_run)


def _outcome(event: IncomingEvent, published: PublishResult, *, is_dry_run: bool) -> EventOut:
    of_one: dict[tuple[int | None, str], list[DeliveryOut]] = {}
    for each in published.describe_verdicts():
        of_one.setdefault((each.notification_id, each.recipient_email), []).append(
            DeliveryOut.model_validate(each)
        )
    return EventOut(
        id=event.external_id,
        source=event.source,
        type=published.type,
        is_duplicate=published.is_duplicate,
        is_dry_run=is_dry_run,
        notifications=[
            EventNotification(id=number, recipient=email, deliveries=deliveries)
            for (number, email), deliveries in of_one.items()
        ],
    )

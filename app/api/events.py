"""What happened on the platform, reported by the platform."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from apiflask import APIBlueprint
from flask import Response, request

from app.api.answers import answer
from app.api.auth import requires
from app.api.body import asks, checked, takes
from app.api.problems import Unprocessable, errors_of
from app.api.schemas.events import (
    BatchOut,
    BatchResult,
    DeliveryOut,
    EventBatch,
    EventBody,
    EventNotification,
    EventOut,
    EventQuery,
)
from app.api.schemas.problems import ProblemError
from app.clock import utc_now
from app.services import event_data, publishing
from app.services.errors import Invalid
from app.services.publishing import EventIn, Published

# Of one event among many; more would make the answer longer than what was sent.
MOST_ERRORS_EACH = 5

bp = APIBlueprint("events", __name__, url_prefix="/events", tag="Events")


def _with_headers(data: Any) -> Any:
    """The event of which the body is only the data (CloudEvents HTTP binding 1.0, 3.1: binary mode)."""
    if "ce-specversion" not in request.headers or request.mimetype != "application/json":
        return data
    attributes: dict[str, Any] = {
        name[3:].lower(): unquote(value)
        for name, value in request.headers
        if name.lower().startswith("ce-") and name.lower() != "ce-datacontenttype"
    }
    return attributes | {"datacontenttype": request.headers["Content-Type"], "data": data}


@bp.post("/")
@requires("events")
@bp.output(EventOut, status_code=201, description="The event is new; its notifications are written.")
@bp.doc(responses={200: "The event was known already, or this is a dry run."})
@takes(EventBody, media_types=("application/json", "application/cloudevents+json"), whole=_with_headers)
@asks(EventQuery)
def report_event(body: EventBody, query: EventQuery) -> Response:
    """Report an event

    A CloudEvents 1.0 body, or with the `ce-` header fields of its binary mode the data alone. The pair `source` and
    `id` is delivered once, however often it is sent.
    """
    status, outcome = _publish(body, is_dry_run=query.dry_run)
    return answer(outcome, status)


@bp.post("/batch/")
@requires("events")
@bp.output(BatchOut)
@takes(EventBatch, media_types=("application/json", "application/cloudevents-batch+json"))
@asks(EventQuery)
def report_events(body: EventBatch, query: EventQuery) -> Response:
    """Report up to 1,000 events

    Each stands for itself: one that cannot be used does not stop the others.
    """
    results = [_one_of_many(event, is_dry_run=query.dry_run) for event in body.root]
    return answer(BatchOut(results=results))


def _one_of_many(event: Any, *, is_dry_run: bool) -> BatchResult:
    try:
        status, outcome = _publish(checked(EventBody, event), is_dry_run=is_dry_run)
    except (Unprocessable, Invalid) as error:
        found = error.errors if isinstance(error, Unprocessable) else errors_of(error)
        return BatchResult(
            status=422,
            event=None,
            errors=[ProblemError.model_validate(each) for each in found[:MOST_ERRORS_EACH]],
        )
    return BatchResult(status=status, event=outcome, errors=[])


def _publish(body: EventBody, *, is_dry_run: bool) -> tuple[int, EventOut]:
    data = event_data.validate(body.type, body.data or {})
    recipients = data.pop("recipients", None)
    event = EventIn(body.source, body.id, body.type, body.time or utc_now(), data, recipients, body.subject)
    published = publishing.publish(event, dry_run=is_dry_run)
    is_new = not (published.is_duplicate or is_dry_run)
    return 201 if is_new else 200, _outcome(event, published, is_dry_run=is_dry_run)


def _outcome(event: EventIn, published: Published, *, is_dry_run: bool) -> EventOut:
    of_one: dict[tuple[int | None, str], list[DeliveryOut]] = {}
    for each in published.verdicts:
        of_one.setdefault((each.notification_id, each.recipient_email), []).append(
            DeliveryOut.model_validate(each)
        )
    return EventOut(
        id=event.external_id,
        source=event.source,
        type=event.type,
        is_duplicate=published.is_duplicate,
        is_dry_run=is_dry_run,
        notifications=[
            EventNotification(id=number, recipient=email, deliveries=deliveries)
            for (number, email), deliveries in of_one.items()
        ],
    )

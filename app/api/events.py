"""What happened on the platform, reported by the platform."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response

from app.api.answers import answer
from app.api.auth import requires
from app.api.body import asks, takes
from app.api.schemas.events import DeliveryOut, EventBody, EventNotification, EventOut, EventQuery
from app.clock import utc_now
from app.services import event_data, publishing
from app.services.publishing import EventIn, Published

bp = APIBlueprint("events", __name__, url_prefix="/events", tag="Events")


@bp.post("/")
@requires("events")
@bp.output(EventOut, status_code=201, description="The event is new; its notifications are written.")
@bp.doc(responses={200: "The event was known already, or this is a dry run."})
@takes(EventBody, media_types=("application/json", "application/cloudevents+json"))
@asks(EventQuery)
def report_event(body: EventBody, query: EventQuery) -> Response:
    """Report an event

    A CloudEvents 1.0 body. The pair `source` and `id` is delivered once, however often it is sent.
    """
    event = _event(body)
    published = publishing.publish(event, dry_run=query.dry_run)
    is_new = not (published.is_duplicate or query.dry_run)
    return answer(_outcome(event, published, is_dry_run=query.dry_run), 201 if is_new else 200)


def _event(body: EventBody) -> EventIn:
    data = event_data.validate(body.type, body.data or {})
    recipients = data.pop("recipients", None)
    return EventIn(body.source, body.id, body.type, body.time or utc_now(), data, recipients)


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

"""Schemas of events: CloudEvents 1.0 in JSON, structured mode."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from pydantic import AfterValidator, ConfigDict, Field, RootModel, StringConstraints, WithJsonSchema
from pydantic.config import JsonDict

from app import catalog
from app.api.schemas.base import MOMENT, Input, OneOf, Output, Pattern, QueryFlag, checked
from app.services.base import validation

# The characters of a URI or relative reference (RFC 3986, 2).
URI_REFERENCE = r"^(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+$"
JSON_TYPE = re.compile(r"[\w.+-]+/([\w.+-]+\+)?json\s*(;.*)?", re.ASCII | re.IGNORECASE)


def _json_type(text: str) -> str:
    if not JSON_TYPE.fullmatch(text):
        raise ValueError(_("Must be a JSON type, such as application/json."))
    return text


def _extension_name(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9]{1,20}", name):
        raise ValueError(
            _("Unknown field. Extension names consist of 1 to 20 lower-case letters and digits.")
        )
    return name


def _extension_value(value: object) -> object:
    if not isinstance(value, str | int | None) or (isinstance(value, int) and abs(value) > 2**31):
        raise ValueError(_("Must be a string, a 32-bit integer, true or false."))
    return value


UriReference = Annotated[
    str,
    StringConstraints(min_length=1, max_length=255),
    Pattern(URI_REFERENCE, _l("Must be a URI or a path such as /platform/jobs, percent-encoded.")),
]
ExtensionName = Annotated[str, AfterValidator(_extension_name)]
ExtensionValue = Annotated[
    Any,
    AfterValidator(_extension_value),
    WithJsonSchema({"type": ["string", "integer", "boolean", "null"]}),
]


EXAMPLE: JsonDict = {
    "specversion": "1.0",
    "id": "job-2041-opened",
    "source": "/platform/jobs",
    "type": "job.created",
    "time": "2026-03-12T13:00:00Z",
    "data": {"job_title": "Staff Data Engineer", "company_name": "Alder Robotics"},
}


class EventBody(Input):
    """An event. CloudEvents extension attributes are accepted and ignored."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [EXAMPLE]})
    __pydantic_extra__: dict[ExtensionName, ExtensionValue]

    specversion: Literal["1.0"]
    id: Annotated[str, checked(validation.text)] = Field(
        min_length=1, description="Identifies the event, together with `source`."
    )
    source: UriReference
    type: Annotated[str, OneOf(tuple(catalog.EVENTS))]
    time: Annotated[datetime, checked(validation.instant)] | None = Field(
        None, description="Defaults to now, which is also what a time in the future counts as."
    )
    datacontenttype: Annotated[str, AfterValidator(_json_type)] | None = None
    dataschema: UriReference | None = None
    subject: str | None = Field(None, min_length=1, max_length=255)
    data: dict[str, Any] | None = None


class EventQuery(Input):
    """Options for reporting events."""

    dry_run: QueryFlag = Field(False, description="Respond with what would happen, without saving anything.")


class DeliveryOut(Output):
    """The decision for one channel. `reason` explains it in a sentence."""

    channel: str = Field(examples=["email"])
    state: str = Field(examples=["pending"])
    reason: str = Field(examples=["Waiting to be sent"])
    due_at: datetime | None = Field(examples=[MOMENT])


class EventNotification(Output):
    """One recipient's notification. `id` is null in a dry run and if no notification was created."""

    id: int | None = Field(examples=[123])
    recipient: str = Field(examples=["dana@example.com"])
    recipient_reason: str = Field(examples=["Named in the event."])
    deliveries: list[DeliveryOut]


class EventRoom(Output):
    """A room that gets the event. `reason` explains its state in a sentence."""

    room: str = Field(examples=["#hiring"])
    channel: str = Field(examples=["slack"])
    state: str = Field(examples=["pending"])
    reason: str = Field(examples=["Waiting to be sent"])


class EventOut(Output):
    """The result of reporting an event. `event_id` is Bellhop's own id; null in a dry run."""

    event_id: int | None = Field(examples=[123])
    id: str = Field(examples=["job-2041-opened"])
    source: str = Field(examples=["/platform/jobs"])
    type: str = Field(examples=["job.created"])
    is_duplicate: bool = Field(examples=[False])
    is_dry_run: bool = Field(examples=[False])
    notifications: list[EventNotification]
    rooms: list[EventRoom] = Field(examples=[[]])


class EventName(Input):
    """The source and the id that an event was reported with."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"source": "/platform/jobs", "id": "job-2041-opened"}]}
    )

    source: str = Field(min_length=1, max_length=255)
    id: str = Field(min_length=1, max_length=255)


class CancelledEventOut(Output):
    """The event, and how many notifications expired and deliveries were cancelled by this call."""

    event_id: int
    id: str = Field(examples=["job-2041-opened"])
    source: str = Field(examples=["/platform/jobs"])
    type: str = Field(examples=["job.created"])
    expired_notifications: int = Field(examples=[14])
    cancelled_deliveries: int = Field(examples=[9])


class EventBatch(RootModel[list[Any]]):
    """Up to 1,000 events (CloudEvents batch), each as in `POST /api/events/`. Invalid entries get a 422 each."""

    model_config = ConfigDict(json_schema_extra={"examples": [[EXAMPLE]]})

    root: list[Any] = Field(max_length=1000)


class BatchError(Output):
    """An invalid value: where it is in the batch and why it was refused."""

    field: str
    detail: str
    pointer: str


class BatchResult(Output):
    """The result of one event.

    `status` is 201 if it is new, 200 if it was already known or in a dry run, 422 if it is invalid, and 503 if it
    should be sent again.
    """

    status: int = Field(examples=[201])
    event: EventOut | None
    errors: list[BatchError] = Field(examples=[[]])


class BatchOut(Output):
    """The results, in the order of the events."""

    results: list[BatchResult]

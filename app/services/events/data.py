"""What an event's data may be: the catalog's table turned into checks, field by field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from flask_babel import gettext as _

from app import catalog
from app.services.base import validation
from app.services.base.errors import Invalid
from app.services.base.validation import InvalidValue

MAX_RECIPIENTS = 1000


def validate(type_name: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """Check the data of an event against the catalog.

    Args:
        type_name: the event's type, such as `interview.scheduled`.
        data: what came with it: the type's own fields, and `recipients`, `action_url`, `priority`, `metadata`.
    Returns:
        The usable values only: texts trimmed, instants as aware datetimes, recipients in lower case.
        Optional fields that were empty or null are left out.
    Raises:
        Invalid: keyed `data.<field>`, or `type` where there is no such type.
    """
    event = catalog.EVENTS.get(type_name)
    if event is None:
        raise Invalid({"type": _("There is no event type “%(name)s”.", name=type_name[:100])})
    checks = {field.name: OWN.get(field.name, KINDS[field.kind]) for field in event.data} | COMMON
    required = {field.name for field in event.data if field.required}
    usable: dict[str, Any] = {}
    errors = {f"data.{name}": _("This event has no such field.") for name in data if name not in checks}
    for name, check in checks.items():
        value = data.get(name)
        if value is None or (isinstance(value, str) and not value.strip()):
            if name in required:
                errors[f"data.{name}"] = _("This field is missing.")
            continue
        try:
            usable[name] = check(value)
        except InvalidValue as error:
            errors[f"data.{name}"] = str(error)
        except Invalid as several:
            errors |= {f"data.{name}{place}": sentence for place, sentence in several.errors.items()}
    if errors := errors or _contradictions(usable):
        raise Invalid(errors)
    return usable


def json_schema(type_name: str) -> dict[str, Any]:
    """The data of an event as a JSON Schema (2020-12), from the same table that checks it.

    What it accepts is usable, but for what no schema says: that people are known, times in order, texts not too deep.
    """
    event = catalog.EVENTS[type_name]
    properties: dict[str, Any] = {
        field.name: OWN_SCHEMAS.get(field.name, SCHEMAS[field.kind]) for field in event.data
    }
    required = [field.name for field in event.data if field.required]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": type_name,
        "type": "object",
        "properties": properties | COMMON_SCHEMAS,
        "required": required if event.goes_to_everyone else [*required, "recipients"],
        "additionalProperties": False,
    }


def sample(type_name: str) -> dict[str, Any]:
    """Data that such an event may carry, all of its own fields and those that every caller must give."""
    event = catalog.EVENTS[type_name]
    whom = {} if event.goes_to_everyone else {"recipients": ["ruth@bellhop.example"]}
    return {field.name: field.sample for field in event.data} | whom


# One line with something to see in it: "." is no line break (ECMA-262, 22.2.2.7).
LINE: dict[str, Any] = {"type": "string", "pattern": r"^.*\S.*$", "maxLength": 255}
SCHEMAS: dict[catalog.FieldKind, dict[str, Any]] = {
    "text": LINE,
    "count": {"type": "integer", "minimum": 0, "maximum": validation.MAX_COUNT},
    "instant": {"type": "string", "format": "date-time"},
    "url": {"type": "string", "format": "uri", "pattern": "^https?://", "maxLength": validation.MAX_URL},
    "json": {"not": {"anyOf": [{"type": "null"}, {"type": "string", "pattern": r"^\s*$"}]}},
}
OWN_SCHEMAS: dict[str, dict[str, Any]] = {
    "message": {"type": "string", "pattern": "\\S", "maxLength": 10_000},
    "location": LINE | {"maxLength": 500},
}
COMMON_SCHEMAS: dict[str, Any] = {
    "recipients": {
        "type": "array",
        "items": {"type": "string", "format": "email"},
        "minItems": 1,
        "maxItems": MAX_RECIPIENTS,
    },
    "action_url": {"type": "string", "pattern": "^(/[^/]|https?://)", "maxLength": validation.MAX_URL},
    "priority": {"enum": list(catalog.PRIORITIES)},
    "metadata": {"type": "object"},
}


def _contradictions(data: Mapping[str, Any]) -> dict[str, str]:
    if "starts_at" in data and data["ends_at"] <= data["starts_at"]:
        return {"data.ends_at": _("The end must be after the start.")}
    if "total_files" in data and data["successful"] + data["failed"] > data["total_files"]:
        return {"data.total_files": _("This is less than the successful and failed files together.")}
    return {}


def _recipients(value: object) -> list[str]:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_RECIPIENTS:
        raise InvalidValue(_("This must be a list of 1 to %(most)s email addresses.", most=MAX_RECIPIENTS))
    errors: dict[str, str] = {}
    emails: list[
        str
    ] = []  # Twice the same stays twice here, so that a later error counts as the sender does.
    for index, given in enumerate(value):
        try:
            emails.append(validation.email_shaped(given))
        except InvalidValue as error:
            errors[f"[{index}]"] = str(error)
    if errors:
        raise Invalid(errors)
    return emails


def _metadata(value: object) -> Any:
    if not isinstance(value, dict):
        raise InvalidValue(_("This must be a JSON object."))
    return validation.structure(value)


Check = Callable[[object], Any]

KINDS: dict[catalog.FieldKind, Check] = {
    "text": validation.text,
    "count": validation.count,
    "instant": validation.instant,
    "url": validation.url,
    "json": validation.structure,
}
# Fields that differ from their kind.
OWN: dict[str, Check] = {
    "message": partial(validation.text, most=10_000, many_lines=True),
    "location": partial(validation.text, most=500),
}
COMMON: dict[str, Check] = {
    "recipients": _recipients,
    "action_url": validation.link,
    "priority": validation.priority,
    "metadata": _metadata,
}

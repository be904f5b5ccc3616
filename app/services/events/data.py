"""Checks the data of an event, field by field, against the tables of the catalog."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from flask_babel import gettext as _

from app import catalog
from app.services.base import validation
from app.services.base.errors import Invalid
from app.services.base.validation import InvalidValue

MAX_RECIPIENTS = 1000
MAX_TEAM = 100


def as_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """Write the instants of an event's data as texts, as they are stored."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()
    }


def validate(type_name: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """Check the data of an event.

    Args:
        type_name: the event type, such as `interview.scheduled`.
        data: the fields of the type, and those of every type (`COMMON_CHECKS`).
    Returns:
        The checked values: texts trimmed, instants as aware datetimes, addresses in canonical form.
        Optional fields that are empty or null are left out.
    Raises:
        Invalid: keyed `data.<field>`, or `type` if the type does not exist.
    """
    event = catalog.EVENTS.get(type_name)
    if event is None:
        raise Invalid({"type": _("Unknown event type “%(name)s”.", name=type_name[:100])})
    checks = {
        field.name: CHECKS_BY_NAME.get(field.name, CHECKS_BY_KIND[field.kind]) for field in event.data
    } | COMMON_CHECKS
    required = {field.name for field in event.data if field.required}
    checked: dict[str, Any] = {}
    errors = {
        f"data.{name}": _("This event type does not have this field.") for name in data if name not in checks
    }
    for name, check in checks.items():
        value = data.get(name)
        value = value.strip() if isinstance(value, str) else value
        if value is None or value == "":
            if name in required:
                errors[f"data.{name}"] = _("This field is required.")
            continue
        try:
            checked[name] = check(value)
        except InvalidValue as error:
            errors[f"data.{name}"] = str(error)
        except Invalid as error:
            errors |= {f"data.{name}{place}": message for place, message in error.errors.items()}
    if errors := errors or _contradictions(checked):
        raise Invalid(errors)
    return checked


def json_schema(type_name: str) -> dict[str, Any]:
    """Describe the data of an event type as a JSON Schema (2020-12), from the same tables as `validate`.

    A schema cannot say that recipients must be known, times in order, and JSON not nested too deeply.
    """
    event = catalog.EVENTS[type_name]
    properties: dict[str, Any] = {
        field.name: SCHEMAS_BY_NAME.get(field.name, SCHEMAS_BY_KIND[field.kind]) for field in event.data
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
    """Build sample data of an event type: all of its fields, and recipients if it needs them."""
    event = catalog.EVENTS[type_name]
    data = {field.name: field.sample for field in event.data}
    return data if event.goes_to_everyone else data | {"recipients": ["ruth@bellhop.example"]}


# One line that is not blank: "." does not match a line break (ECMA-262, 22.2.2.7).
LINE: dict[str, Any] = {"type": "string", "pattern": r"^.*\S.*$", "maxLength": 255}
SCHEMAS_BY_KIND: dict[catalog.FieldKind, dict[str, Any]] = {
    "text": LINE,
    "count": {"type": "integer", "minimum": 0, "maximum": validation.MAX_COUNT},
    "instant": {"type": "string", "format": "date-time"},
    "url": {"type": "string", "format": "uri", "pattern": "^https?://", "maxLength": validation.MAX_URL},
    "json": {"not": {"anyOf": [{"type": "null"}, {"type": "string", "pattern": r"^\s*$"}]}},
}
SCHEMAS_BY_NAME: dict[str, dict[str, Any]] = {
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
    "hiring_team": {
        "type": "array",
        "items": {"type": "string", "format": "email"},
        "maxItems": MAX_TEAM,
        "description": "Who is notified if there are no recipients, together with the followers.",
    },
    "candidate_id": LINE | {"maxLength": validation.MAX_ID},
    "job_id": LINE | {"maxLength": validation.MAX_ID},
    "is_confidential": {
        "type": "boolean",
        "description": "Never notify everyone, only recipients, the hiring team and followers.",
    },
    "action_url": {"type": "string", "pattern": "^(/[^/]|https?://)", "maxLength": validation.MAX_URL},
    "priority": {"enum": list(catalog.PRIORITIES)},
    "metadata": {"type": "object"},
}


def _contradictions(data: Mapping[str, Any]) -> dict[str, str]:
    if "starts_at" in data and data["ends_at"] <= data["starts_at"]:
        return {"data.ends_at": _("The end must be after the start.")}
    if "total_files" in data and data["successful"] + data["failed"] > data["total_files"]:
        return {"data.total_files": _("This is less than successful and failed together.")}
    return {}


def _recipients(value: object) -> list[str]:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_RECIPIENTS:
        raise InvalidValue(_("This must be a list of 1 to %(most)s email addresses.", most=MAX_RECIPIENTS))
    return _emails(value)


def _hiring_team(value: object) -> list[str]:
    if not isinstance(value, list) or len(value) > MAX_TEAM:
        raise InvalidValue(_("This must be a list of at most %(most)s email addresses.", most=MAX_TEAM))
    return _emails(value)


def _emails(value: list[object]) -> list[str]:
    errors: dict[str, str] = {}
    # Duplicates stay, so that a later error refers to the sender's own index.
    emails = [
        validation.collect(errors, f"[{index}]", validation.email_shaped, given)
        for index, given in enumerate(value)
    ]
    if errors:
        raise Invalid(errors)
    return [email for email in emails if email is not None]


def _metadata(value: object) -> Any:
    if not isinstance(value, dict):
        raise InvalidValue(_("This must be a JSON object."))
    return validation.structure(value)


Check = Callable[[object], Any]

CHECKS_BY_KIND: dict[catalog.FieldKind, Check] = {
    "text": validation.text,
    "count": validation.count,
    "instant": validation.instant,
    "url": validation.url,
    "json": validation.structure,
}
# Fields whose check differs from that of their kind.
CHECKS_BY_NAME: dict[str, Check] = {
    "message": partial(validation.text, most=10_000, many_lines=True),
    "location": partial(validation.text, most=500),
}
COMMON_CHECKS: dict[str, Check] = {
    "recipients": _recipients,
    "hiring_team": _hiring_team,
    "candidate_id": validation.external_id,
    "job_id": validation.external_id,
    "is_confidential": validation.flag,
    "action_url": validation.link,
    "priority": validation.priority,
    "metadata": _metadata,
}

"""Readable API documentation, rendered from the OpenAPI document and the catalog."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from typing import Any

from flask import Blueprint, Response, current_app, render_template, request
from flask_babel import get_locale
from markupsafe import Markup
from werkzeug.wrappers import Response as BaseResponse

from app import catalog
from app.services.events import data as event_data

bp = Blueprint("docs", __name__, url_prefix="/api/docs")


@bp.get("")
def index() -> BaseResponse:
    """List every call, grouped by the tags of the document."""
    return _page("docs/index.html", _render_calls)


@bp.get("/events")
def events() -> BaseResponse:
    """Describe every event type: its fields, a sample, and its JSON Schema."""
    return _page("docs/events.html", _render_event_types)


def _page(template: str, render_content: Callable[[], str]) -> BaseResponse:
    """Render a page around its content, which is the same for everyone and takes long to render."""
    rendered: dict[tuple[str, str], Markup] = current_app.extensions.setdefault("docs", {})
    key = template, str(get_locale())
    if key not in rendered:
        rendered[key] = Markup(render_content())  # noqa: S704  # Rendered from a template, which escapes.
    response = Response(render_template(template, content=rendered[key]))
    response.headers["Cache-Control"] = "private, no-cache"
    response.add_etag()
    return response.make_conditional(request)


def _render_calls() -> str:
    spec = current_app.spec  # type: ignore[attr-defined]  # APIFlask's, on Flask's own proxy
    schemas = spec["components"]["schemas"]
    groups: dict[str, list[dict[str, Any]]] = {tag["name"]: [] for tag in spec["tags"]}
    # Objects inside bodies, and the error object; the outermost are shown with their calls.
    nested = sorted({"Problem", *re.findall(r"#/components/schemas/(\w+)", json.dumps(schemas))})
    for path, item in spec["paths"].items():
        for method, operation in item.items():
            groups[operation["tags"][0]].append(_call(path, method, operation, schemas))
    objects = [
        {"name": name, "about": _about(schemas[name]), "fields": _fields(schemas[name], nested)}
        for name in nested
    ]
    return render_template(
        "docs/_calls.html", about=spec["info"]["description"], groups=groups, objects=objects
    )


def _render_event_types() -> str:
    types = []
    for event in catalog.EVENTS.values():
        schema = event_data.json_schema(event.name)
        sample = event_data.sample(event.name)
        fields = _fields(schema, [])
        types.append(
            {"event": event, "fields": fields, "sample": _format_json(sample), "schema": _format_json(schema)}
        )
    return render_template("docs/_event_types.html", types=types)


def _call(path: str, method: str, operation: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    contents = list(operation.get("requestBody", {}).get("content", {}).values())
    body = _resolved(contents[0]["schema"], schemas) if contents else {}
    status = next(status for status in operation["responses"] if status < "300")
    content = operation["responses"][status].get("content", {}).get("application/json")
    response = _resolved(content["schema"], schemas) if content else {}
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "summary": operation["summary"],
        "about": operation.get("description", ""),
        "scope": operation["security"][0]["bearer"][0],
        "parameters": [
            {
                "name": each["name"],
                "type": _parts(_type(each["schema"]), []),
                "is_required": each.get("required", False),
                "about": each.get("description") or _about(each["schema"]),
            }
            for each in operation["parameters"]
        ],
        "fields": _fields(body, list(schemas)),
        "command": operation["x-codeSamples"][0]["source"],
        "status": status,
        "response_example": _format_json(content["example"]) if content else "",
        "response_fields": _fields(response, list(schemas)),
        "statuses": [(code, each["description"]) for code, each in operation["responses"].items()],
    }


def _fields(schema: dict[str, Any], known: Collection[str]) -> list[dict[str, Any]]:
    required = schema.get("required", [])
    return [
        {
            "name": name,
            "type": _parts(_type(each), known),
            "is_required": name in required,
            "about": _about(each),
        }
        for name, each in schema.get("properties", {}).items()
    ]


def _parts(text: str, known: Collection[str]) -> list[tuple[str, bool]]:
    """Split a type into parts, each with whether it is an object described on the same page."""
    return [(part, part in known) for part in re.split(r"(\w+)", text) if part]


def _resolved(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    resolved: dict[str, Any] = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    return resolved


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " | ".join(_type(each) for each in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(str(each) for each in schema["enum"])
    if "items" in schema:
        return f"[{_type(schema['items'])}]"
    name = schema.get("const") or schema.get("format") or schema.get("type", "JSON")
    return " | ".join(name) if isinstance(name, list) else str(name)


def _about(schema: dict[str, Any]) -> str:
    description = str(schema.get("description", ""))
    default = schema.get("default")
    if default in (None, "", []):
        return description
    return f"{description} Default: {json.dumps(default)}.".strip()


def _format_json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)

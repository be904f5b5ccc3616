"""The API in readable pages, made of the OpenAPI document and the catalog: what they say, the code does."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, current_app, render_template

from app import catalog
from app.services import event_data

bp = Blueprint("docs", __name__, url_prefix="/api/docs")


@bp.get("")
def index() -> str:
    """Every call, in the groups of the document."""
    spec = current_app.spec  # type: ignore[attr-defined]  # APIFlask's, on Flask's own proxy
    schemas = spec["components"]["schemas"]
    groups: dict[str, list[dict[str, Any]]] = {tag["name"]: [] for tag in spec["tags"]}
    for path, item in spec["paths"].items():
        for method, operation in item.items():
            groups[operation["tags"][0]].append(_call(path, method, operation, schemas))
    return render_template("docs/index.html", about=spec["info"]["description"], groups=groups)


@bp.get("/events")
def events() -> str:
    """Every type of event: its fields, a sample, and its JSON Schema."""
    shown = [
        {
            "event": event,
            "sample": _written({field.name: field.sample for field in event.data}),
            "schema": _written(event_data.json_schema(event.name)),
        }
        for event in catalog.EVENTS.values()
    ]
    return render_template("docs/events.html", shown=shown)


def _call(path: str, method: str, operation: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    fields: list[dict[str, Any]] = []
    example = None
    for content in operation.get("requestBody", {}).get("content", {}).values():
        schema = _resolved(content["schema"], schemas)
        required = schema.get("required", [])
        fields = [
            {"name": name, "type": _type(each), "is_required": name in required, "about": _about(each)}
            for name, each in schema.get("properties", {}).items()
        ]
        example = _written(schema["examples"][0]) if "examples" in schema else None
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
                "type": _type(each["schema"]),
                "is_required": each.get("required", False),
                "about": each.get("description") or _about(each["schema"]),
            }
            for each in operation["parameters"]
        ],
        "fields": fields,
        "example": example,
        "statuses": [(status, each["description"]) for status, each in operation["responses"].items()],
    }


def _resolved(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    return found


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " | ".join(_type(each) for each in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(str(each) for each in schema["enum"])
    if "items" in schema:
        return f"[{_type(schema['items'])}]"
    kind = schema.get("const") or schema.get("format") or schema.get("type", "JSON")
    return " | ".join(kind) if isinstance(kind, list) else str(kind)


def _about(schema: dict[str, Any]) -> str:
    said = str(schema.get("description", ""))
    default = schema.get("default")
    return f"{said} Default: {json.dumps(default)}.".strip() if default not in (None, "", []) else said


def _written(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)

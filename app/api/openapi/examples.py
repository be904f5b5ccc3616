"""Add an example response and a curl command to each call of the OpenAPI document."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any
from urllib.parse import urlencode

from app.api.schemas.base import MOMENT

# Values of fields without an example; most numbers are ids.
DEFAULTS = {"integer": 123, "boolean": True, "string": "", "object": {}}


def add_examples(spec: dict[str, Any]) -> None:
    """Give each call an example response, generated from its schema, and a curl command."""
    schemas, [server] = spec["components"]["schemas"], spec["servers"]
    for path, operations in spec["paths"].items():
        for method, operation in operations.items():
            bodies = _contents(operation.get("requestBody", {}))
            body = _example(bodies[0]["schema"], schemas) if bodies else None
            for status, response in operation["responses"].items():
                if status >= "300":
                    continue
                for content in _contents(response):
                    content["example"] = _example_response(content, body, schemas)
            url = server["url"] + re.sub(r"{\w+}", "123", path) + _query(operation["parameters"])
            command = _curl(method.upper(), url, body)
            operation["x-codeSamples"] = [{"lang": "Shell", "label": "curl", "source": command}]


def _contents(body_or_response: dict[str, Any]) -> list[dict[str, Any]]:
    return list(body_or_response.get("content", {}).values())


def _example_response(content: dict[str, Any], body: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    """Combine the schema's example with the values of the request body and with the call's own example."""
    response: dict[str, Any] = _example(content["schema"], schemas)
    if isinstance(body, dict):
        response = response | {name: value for name, value in body.items() if name in response}
    own_example: dict[str, Any] = content.get("example", {})
    return response | own_example


def _example(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """Return a schema's own example, or build one from its parts. Nullable values are null, except for objects."""
    match schema:
        case {"$ref": str(pointer)}:
            return _example(schemas[pointer.rpartition("/")[2]], schemas)
        case {"examples": [first, *_]} | {"enum": [first, *_]}:
            return first
        case {"anyOf": [first, *_]}:
            return _example(first, schemas) if "$ref" in first else None
        case {"items": each}:
            return [_example(each, schemas)]
        case {"properties": fields}:
            return {name: _example(each, schemas) for name, each in fields.items()}
    return MOMENT if schema.get("format") == "date-time" else DEFAULTS[schema["type"]]


def _query(parameters: list[dict[str, Any]]) -> str:
    given = {
        each["name"]: each["schema"]["examples"][0]
        for each in parameters
        if each["in"] == "query" and "examples" in each["schema"]
    }
    return f"?{urlencode(given, doseq=True)}" if given else ""


def _curl(method: str, url: str, body: Any) -> str:
    parts = [f"curl {'' if method == 'GET' else f'-X {method} '}{shlex.quote(url)}"]
    parts.append('-H "Authorization: Bearer $TOKEN"')
    if body is not None:
        short = json.dumps(body, ensure_ascii=False)
        text = short if len(short) < 60 else json.dumps(body, ensure_ascii=False, indent=2)
        parts.append('-H "Content-Type: application/json"')
        parts.append(f"-d {shlex.quote(text)}")
    return " \\\n  ".join(parts)

"""What the document shows of each call: an answer to it, and a command that can be copied."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any
from urllib.parse import urlencode

from app.api.schemas.base import MOMENT

# What stands in a field that has no example of its own; a number is an id, mostly.
PLAIN = {"integer": 123, "boolean": True, "string": "", "object": {}}


def add_examples(spec: dict[str, Any]) -> None:
    """Give each call of the document an example of its answer, made of its schema, and a curl command."""
    schemas, [server] = spec["components"]["schemas"], spec["servers"]
    for path, operations in spec["paths"].items():
        for method, operation in operations.items():
            bodies = _contents(operation.get("requestBody", {}))
            sent = _example(bodies[0]["schema"], schemas) if bodies else None
            for status, response in operation["responses"].items():
                for content in _contents(response) if status < "300" else []:
                    content["example"] = _answer(content, sent, schemas)
            address = server["url"] + re.sub(r"{\w+}", "123", path) + _query(operation["parameters"])
            command = _curl(method.upper(), address, sent)
            operation["x-codeSamples"] = [{"lang": "Shell", "label": "curl", "source": command}]


def _contents(described: dict[str, Any]) -> list[dict[str, Any]]:
    return list(described.get("content", {}).values())


def _answer(content: dict[str, Any], sent: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    """What was sent comes back; beyond that the call itself may say what is otherwise than in its schema."""
    plain: dict[str, Any] = _example(content["schema"], schemas)
    kept = {name: sent[name] for name in plain if isinstance(sent, dict) and name in sent}
    return {**plain, **kept, **content.get("example", {})}


def _example(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """An example of a schema: its own, else one made of its parts. What may be null is, unless it is an object."""
    match schema:
        case {"$ref": str(place)}:
            return _example(schemas[place.rpartition("/")[2]], schemas)
        case {"examples": [first, *_]} | {"enum": [first, *_]}:
            return first
        case {"anyOf": [first, *_]}:
            return _example(first, schemas) if "$ref" in first else None
        case {"items": each}:
            return [_example(each, schemas)]
        case {"properties": fields}:
            return {name: _example(each, schemas) for name, each in fields.items()}
    return MOMENT if schema.get("format") == "date-time" else PLAIN[schema["type"]]


def _query(parameters: list[dict[str, Any]]) -> str:
    given = {
        each["name"]: each["schema"]["examples"][0]
        for each in parameters
        if each["in"] == "query" and "examples" in each["schema"]
    }
    return f"?{urlencode(given, doseq=True)}" if given else ""


def _curl(method: str, address: str, body: Any) -> str:
    parts = [f"curl {'' if method == 'GET' else f'-X {method} '}{shlex.quote(address)}"]
    parts.append('-H "Authorization: Bearer $TOKEN"')
    if body is not None:
        short, long = (json.dumps(body, indent=indent, ensure_ascii=False) for indent in (None, 2))
        parts.append('-H "Content-Type: application/json"')
        parts.append(f"-d {shlex.quote(short if len(short) < 60 else long)}")
    return " \\\n  ".join(parts)

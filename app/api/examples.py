"""What the document shows of each call: an answer to it."""

from __future__ import annotations

from typing import Any

from app.api.schemas.base import MOMENT

# What stands in a field that has no example of its own; a number is an id, mostly.
PLAIN = {"integer": 123, "boolean": True, "string": "", "object": {}}


def add(spec: dict[str, Any]) -> None:
    """Give each call of the document an example of its answer, made of its schema."""
    schemas = spec["components"]["schemas"]
    for operations in spec["paths"].values():
        for operation in operations.values():
            bodies = _contents(operation.get("requestBody", {}))
            sent = _example(bodies[0]["schema"], schemas) if bodies else None
            for status, response in operation["responses"].items():
                for content in _contents(response) if status < "300" else []:
                    content["example"] = _answer(content, sent, schemas)


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

"""The OpenAPI document: APIFlask collects the calls, this adds what is the same for all of them."""

from __future__ import annotations

import json
import re
from typing import Any

from apiflask import APIFlask

from app.api.schemas.problems import Problem

PROBLEMS = {
    "400": "The body is not JSON, or the request is broken in another way.",
    "401": "No token, or one that is not known, has expired or was revoked.",
    "403": "The caller lacks the scope that this call needs.",
    "404": "There is no such resource, or it is somebody else's.",
    "413": "The body is too large.",
    "415": "The body is of another content type.",
    "422": "Some of the values cannot be used; `errors` lists them.",
    "500": "A fault of ours; `request_id` helps to find it.",
    "503": "The database does not answer. Nothing was changed.",
}


def register(app: APIFlask) -> None:
    """Describe the API at `/api/openapi.json`."""
    app.config.update(
        # The document is made once: it must not carry the host name of whoever asks first.
        AUTO_SERVERS=False,
        AUTO_404_RESPONSE=False,
        AUTO_AUTH_ERROR_RESPONSE=False,
        AUTO_VALIDATION_ERROR_RESPONSE=False,
        SECURITY_SCHEMES={
            "bearer": {"type": "http", "scheme": "bearer", "description": "A token from the account page."},
            "session": {
                "type": "apiKey",
                "in": "cookie",
                "name": app.config["SESSION_COOKIE_NAME"],
                "description": "The browser's session; writes need the page's CSRF token as `X-CSRFToken`.",
            },
        },
    )
    for blueprint in app.blueprints.values():
        # Those of the pages are Flask's own, without the attribute that APIFlask looks for in every one.
        vars(blueprint).setdefault("enable_openapi", False)
    app.spec_processor(_complete)


def _complete(spec: Any) -> dict[str, Any]:
    for path, operations in spec["paths"].items():
        for operation in operations.values():
            _complete_operation(operation, has_path_parameter="{" in path)
    spec["tags"] = [tag for tag in spec["tags"] if tag["name"] != "Api"]
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas = spec["components"]["schemas"] | problem.pop("$defs") | {"Problem": problem}
    # APIFlask keeps one copy of a nested schema for each schema around it: `Page.Row` and `Row` are one.
    spec["components"]["schemas"] = {name.rpartition(".")[2]: schema for name, schema in schemas.items()}
    text = re.sub(r"(#/components/schemas/)(?:\w+\.)+", r"\1", json.dumps(spec))
    whole: dict[str, Any] = json.loads(text)
    return whole


def _complete_operation(operation: dict[str, Any], *, has_path_parameter: bool) -> None:
    statuses = {"401", "403", "500", "503"}
    if "requestBody" in operation:
        operation["requestBody"]["required"] = True
        statuses |= {"400", "413", "415", "422"}
    if has_path_parameter:
        statuses.add("404")
    for parameter in operation["parameters"]:
        if parameter["in"] == "path":
            parameter |= {"required": True, "schema": {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}}
        else:
            statuses.add("422")
    responses = operation["responses"]
    if "201" in responses and "200" in responses:
        responses["200"]["content"] = responses["201"]["content"]
    responses.get("304", {}).pop("content", None)
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    responses |= {
        status: {"description": PROBLEMS[status], "content": content} for status in sorted(statuses)
    }

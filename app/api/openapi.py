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
    "409": "Its state does not allow this, or the first call with this Idempotency-Key is still running.",
    "412": "`If-Match` names a version that is no longer the live one.",
    "413": "The body is too large.",
    "415": "The body is of another content type.",
    "422": "Some of the values cannot be used; `errors` lists them.",
    "429": "Too many calls; `Retry-After` says when to go on.",
    "500": "A fault of ours; `request_id` helps to find it.",
    "503": "The database does not answer. Nothing was changed.",
}

# The key is no parameter of each call: what a generator makes up must not collide with what it made up before.
ABOUT = """\
The JSON API of Bellhop. Send `Authorization: Bearer <token>`; make tokens under Account.

Lists are `{"results": […], "next": …, "previous": …}`; follow `next` until it is null. Times are RFC 3339 in UTC.
Errors are problem details (RFC 9457); a 422 lists each bad value in `errors`.

Every call that writes takes the header `Idempotency-Key` (1 to 255 visible ASCII characters): made again with the same
key and body within seven days it is not done again, the first answer is given again. Another body: 422. Still running:
409.

Each answer says in `RateLimit` how many calls are left; beyond that 429 with `Retry-After`.
"""
IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "description": "The `ETag` of the template as the caller has seen it.",
    "schema": {"type": "string"},
}
NAMES_A_ROW = frozenset({"mark_read"})
TAKES_IF_MATCH = frozenset({"replace_template", "change_template", "delete_template"})
# Where one goes from an answer: the call, its parameter, and where in the answer the value stands.
LINKS = {
    "list_notifications": [
        ("show_notification", "notification_id", "/results/0/id"),
        ("explain_notification", "notification_id", "/results/0/id"),
    ],
    "change_notifications": [("undo_change", "change_id", "/id")],
    "list_templates": [("show_template", "template_id", "/results/0/id")],
    "create_template": [
        ("show_template", "template_id", "/id"),
        ("change_template", "template_id", "/id"),
        ("delete_template", "template_id", "/id"),
    ],
    "create_notification": [("show_announcement", "announcement_id", "/id")],
    "list_announcements": [("show_announcement", "announcement_id", "/results/0/id")],
    "list_deliveries": [("show_delivery", "delivery_id", "/results/0/id")],
    "list_people": [("show_person", "person_id", "/results/0/id")],
    "create_token": [("revoke_token", "token_id", "/id")],
    "list_webhooks": [("show_webhook", "webhook_id", "/results/0/id")],
    "create_webhook": [
        ("show_webhook", "webhook_id", "/id"),
        ("change_webhook", "webhook_id", "/id"),
        ("rotate_webhook_secret", "webhook_id", "/id"),
        ("test_webhook", "webhook_id", "/id"),
        ("list_webhook_calls", "webhook_id", "/id"),
        ("delete_webhook", "webhook_id", "/id"),
    ],
}


def register(app: APIFlask) -> None:
    """Describe the API at `/api/openapi.json`."""
    app.config.update(
        INFO={"description": ABOUT},
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
        for method, operation in operations.items():
            _complete_operation(operation, method=method, has_path_parameter="{" in path)
    spec["tags"] = [tag for tag in spec["tags"] if tag["name"] != "Api"]
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas = spec["components"]["schemas"] | problem.pop("$defs") | {"Problem": problem}
    # APIFlask keeps one copy of a nested schema for each schema around it: `Page.Row` and `Row` are one.
    spec["components"]["schemas"] = {name.rpartition(".")[2]: schema for name, schema in schemas.items()}
    text = re.sub(r"(#/components/schemas/)(?:\w+\.)+", r"\1", json.dumps(spec))
    whole: dict[str, Any] = json.loads(text)
    return whole


def _complete_operation(operation: dict[str, Any], *, method: str, has_path_parameter: bool) -> None:
    statuses = {"400", "401", "403", "429", "500", "503"}
    if "requestBody" in operation:
        operation["requestBody"]["required"] = True
        statuses |= {"413", "415", "422"}
    if has_path_parameter or operation["operationId"] in NAMES_A_ROW:
        statuses.add("404")
    for parameter in operation["parameters"]:
        if parameter["in"] == "path":
            parameter |= {"required": True, "schema": {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}}
        else:
            statuses.add("422")
    if method != "get":
        statuses |= {"409", "413", "422"}
    if operation["operationId"] in TAKES_IF_MATCH:
        statuses.add("412")
        operation["parameters"].append(IF_MATCH)
    if links := LINKS.get(operation["operationId"]):
        status = "201" if "201" in operation["responses"] else "200"
        operation["responses"][status]["links"] = {
            target: {"operationId": target, "parameters": {name: "$response.body#" + pointer}}
            for target, name, pointer in links
        }
    responses = operation["responses"]
    if "201" in responses and "200" in responses:
        responses["200"]["content"] = responses["201"]["content"]
    for status in ("204", "304"):
        responses.get(status, {}).pop("content", None)
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    responses |= {
        status: {"description": PROBLEMS[status], "content": content} for status in sorted(statuses)
    }

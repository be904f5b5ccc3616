"""Complete the OpenAPI document: APIFlask collects the calls, this adds what they have in common."""

from __future__ import annotations

import json
import re
from typing import Any

from apiflask import APIFlask
from flask import Response

from app.api.http import responses as http_responses
from app.api.openapi import examples
from app.api.schemas.problems import Problem
from app.row_ids import MAX_ID

PROBLEMS = {
    "400": "The body is not JSON, or the request is malformed.",
    "401": "No token, or an unknown, expired or revoked one.",
    "403": "The caller lacks the scope that this call requires.",
    "404": "The resource does not exist or belongs to another user.",
    "409": "The resource's state does not allow this, or the first call with this Idempotency-Key is still running.",
    "412": "`If-Match` does not name the live version.",
    "413": "The body is too large.",
    "415": "The body has an unsupported content type.",
    "422": "Some values are invalid; `errors` lists them.",
    "429": "Too many calls; `Retry-After` says when to continue.",
    "500": "Internal error; quote `request_id` when you report it.",
    "503": "The database is unavailable. Nothing was changed.",
}

DESCRIPTION = """\
The JSON API of Bellhop. Send `Authorization: Bearer <token>`; create tokens on the Account page. The example commands
read the token from `$TOKEN`.

Lists are `{"results": […], "next": …, "previous": …}`; follow `next` until it is null. Times are RFC 3339 in UTC.
Errors are problem details (RFC 9457); a 422 lists each invalid value in `errors`.

Every call that writes accepts the header `Idempotency-Key` (1 to 255 visible ASCII characters). Repeating the call
with the same key and body within seven days has no further effect and returns the first response. With a different body
it is a 422; while the first call is still running, a 409.

Every response to a GET has an `ETag`: send it back as `If-None-Match` to get an empty 304 while nothing has changed.

Every response says in `RateLimit` how many calls are left. Beyond that, calls get a 429 with `Retry-After`.
"""


def _header(name: str, description: str, *, example: str = "", pattern: str = "") -> dict[str, Any]:
    schema = {"type": "string"}
    if pattern:
        schema["pattern"] = pattern
    parameter = {"in": "header", "name": name, "description": description, "schema": schema}
    if example:
        parameter["example"] = example
    return parameter


IF_MATCH = _header("If-Match", "The `ETag` of the template version that you read.", example='"3-7-1"')
IF_NONE_MATCH = _header(
    "If-None-Match", "The `ETag` of the response that you already have.", example='"12-4"'
)
# No example, because a key that is copied for two different calls fails the second.
IDEMPOTENCY_KEY = _header(
    "Idempotency-Key",
    "Your unique key for this call. Repeating the call with it returns the first response and has no further effect.",
    pattern="^[!-~]{1,255}$",
)
# Header fields of responses.
HEADERS = {
    "ETag": "Identifies this version: send it back as `If-None-Match`, for templates also as `If-Match`.",
    "Link": "The next and the previous page, `next` and `prev` (RFC 8288).",
    "RateLimit": "The calls left (`r`), and the seconds until the limit resets (`t`).",
    "RateLimit-Policy": "The calls allowed (`q`) in a window of seconds (`w`).",
    "Retry-After": "The seconds to wait before trying again.",
    "WWW-Authenticate": "How to authenticate, or which scope the token lacks (RFC 6750).",
    "Idempotent-Replayed": "`true` if this is the response to an earlier call with this `Idempotency-Key`.",
}
ERROR_HEADERS = {
    "401": ("WWW-Authenticate",),
    "403": ("WWW-Authenticate",),
    "429": ("Retry-After",),
    "503": ("Retry-After",),
}
# Calls without an id in the path that still respond with 404.
HAS_ID_IN_BODY = frozenset({"mark_read", "cancel_reported_event"})
ACCEPTS_IF_MATCH = frozenset({"replace_template", "change_template", "delete_template"})
# Links from responses to other calls: the parameter, where the response has its value, and the calls that take it.
FIRST_ID = "/results/0/id"
LINKS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "list_notifications": ("notification_id", FIRST_ID, ("show_notification", "explain_notification")),
    "change_notifications": ("change_id", "/id", ("undo_change",)),
    "list_templates": (
        "template_id",
        FIRST_ID,
        ("show_template", "list_template_versions", "reset_template"),
    ),
    "create_template": (
        "template_id",
        "/id",
        (
            "show_template",
            "replace_template",
            "change_template",
            "preview_template",
            "list_template_versions",
            "restore_template",
            "show_template_draft",
            "discard_template_draft",
            "publish_template",
            "delete_template",
        ),
    ),
    "create_notification": ("announcement_id", "/id", ("show_announcement", "cancel_announcement")),
    "list_announcements": ("announcement_id", FIRST_ID, ("show_announcement", "cancel_announcement")),
    "list_deliveries": ("delivery_id", FIRST_ID, ("show_delivery", "retry_delivery", "cancel_delivery")),
    "list_people": ("person_id", FIRST_ID, ("show_person",)),
    "invite_person": ("person_id", "/id", ("show_person", "change_person")),
    "report_event": ("event_id", "/event_id", ("cancel_event",)),
    "follow": ("follow_id", "/id", ("unfollow",)),
    "create_token": ("token_id", "/id", ("revoke_token",)),
    "list_views": ("view_id", FIRST_ID, ("show_view",)),
    "create_view": ("view_id", "/id", ("show_view", "change_view", "delete_view", "restore_view")),
    "list_sources": ("source_id", FIRST_ID, ("show_source", "list_source_calls")),
    "create_source": (
        "source_id",
        "/id",
        ("show_source", "change_source", "list_source_calls", "delete_source"),
    ),
    "list_source_calls": ("call_id", FIRST_ID, ("replay_source_call",)),
    "list_rooms": ("room_id", FIRST_ID, ("show_room", "list_room_deliveries")),
    "create_room": (
        "room_id",
        "/id",
        ("show_room", "change_room", "test_room", "list_room_deliveries", "delete_room"),
    ),
    "list_subscriptions": (
        "subscription_id",
        FIRST_ID,
        ("show_subscription", "list_subscription_calls"),
    ),
    "create_subscription": (
        "subscription_id",
        "/id",
        (
            "show_subscription",
            "change_subscription",
            "rotate_subscription_secret",
            "test_subscription",
            "list_subscription_calls",
            "delete_subscription",
        ),
    ),
    "list_webhooks": ("webhook_id", FIRST_ID, ("show_webhook", "list_webhook_calls")),
    "create_webhook": (
        "webhook_id",
        "/id",
        (
            "show_webhook",
            "change_webhook",
            "rotate_webhook_secret",
            "test_webhook",
            "list_webhook_calls",
            "delete_webhook",
        ),
    ),
}


def register(app: APIFlask) -> None:
    """Serve the OpenAPI document at `/api/openapi.json`."""
    app.config.update(
        INFO={"description": DESCRIPTION},
        # The document is generated once, so it must not contain the host name of the first request.
        AUTO_SERVERS=False,
        SERVERS=[{"url": app.config["BASE_URL"]}],
        AUTO_404_RESPONSE=False,
        AUTO_AUTH_ERROR_RESPONSE=False,
        AUTO_VALIDATION_ERROR_RESPONSE=False,
        SECURITY_SCHEMES={
            "bearer": {"type": "http", "scheme": "bearer", "description": "A token from the account page."},
            "session": {
                "type": "apiKey",
                "in": "cookie",
                "name": app.config["SESSION_COOKIE_NAME"],
                "description": "The browser's session. Writes need the page's CSRF token as `X-CSRFToken`.",
            },
        },
    )
    for blueprint in app.blueprints.values():
        # The pages use Flask's Blueprint, which lacks the attribute that APIFlask expects.
        vars(blueprint).setdefault("enable_openapi", False)
    app.spec_processor(_complete)
    app.after_request_funcs["openapi"].append(_cache_document)


def _cache_document(response: Response) -> Response:
    """Serve the document with an ETag and gzipped; it changes only with a release."""
    if response.status_code != 200:
        return response
    response.headers["Cache-Control"] = "no-cache"
    response.headers.add("Vary", "Accept-Encoding")
    return http_responses.gzipped(http_responses.with_etag(response))


def _complete(spec: Any) -> dict[str, Any]:
    for path, operations in spec["paths"].items():
        for method, operation in operations.items():
            _complete_operation(operation, method=method, has_path_parameter="{" in path)
    # Modules of the same noun share a tag.
    spec["tags"] = list({tag["name"]: tag for tag in spec["tags"] if tag["name"] != "Api"}.values())
    spec["components"]["headers"] = {
        name: {"description": description, "schema": {"type": "string"}}
        for name, description in HEADERS.items()
    }
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas = spec["components"]["schemas"] | problem.pop("$defs") | {"Problem": problem}
    # APIFlask copies a nested schema for each schema around it; merge `Page.Row` into `Row`.
    spec["components"]["schemas"] = {name.rpartition(".")[2]: schema for name, schema in schemas.items()}
    text = re.sub(r"(#/components/schemas/)(?:\w+\.)+", r"\1", json.dumps(spec))
    document: dict[str, Any] = json.loads(text)
    examples.add_examples(document)
    return document


def _complete_operation(operation: dict[str, Any], *, method: str, has_path_parameter: bool) -> None:
    statuses = {"400", "401", "403", "429", "500", "503"}
    if "requestBody" in operation:
        operation["requestBody"]["required"] = True
        statuses |= {"413", "415", "422"}
    if has_path_parameter or operation["operationId"] in HAS_ID_IN_BODY:
        statuses.add("404")
    for parameter in operation["parameters"]:
        if parameter["in"] == "path":
            parameter |= {"required": True, "schema": {"type": "integer", "minimum": 1, "maximum": MAX_ID}}
        else:
            statuses.add("422")
    if method == "get":
        operation["responses"]["304"] = {
            "description": "Nothing has changed since the `ETag` in `If-None-Match`."
        }
    else:
        statuses |= {"409", "413", "422"}
    if operation["operationId"] in ACCEPTS_IF_MATCH:
        statuses.add("412")
    if link := LINKS.get(operation["operationId"]):
        name, pointer, targets = link
        status = "201" if "201" in operation["responses"] else "200"
        operation["responses"][status]["links"] = {
            target: {"operationId": target, "parameters": {name: f"$response.body#{pointer}"}}
            for target in targets
        }
    responses = operation["responses"]
    if "201" in responses and "200" in responses:
        # The example of a 200 is a duplicate.
        responses["200"]["content"] = {
            kind: content | {"example": {"is_duplicate": True}}
            for kind, content in responses["201"]["content"].items()
        }
    for status in ("204", "304"):
        responses.get(status, {}).pop("content", None)
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    responses |= {
        status: {"description": PROBLEMS[status], "content": content} for status in sorted(statuses)
    }
    _complete_headers(operation, method)


def _complete_headers(operation: dict[str, Any], method: str) -> None:
    operation["parameters"].append(IF_NONE_MATCH if method == "get" else IDEMPOTENCY_KEY)
    if operation["operationId"] in ACCEPTS_IF_MATCH:
        operation["parameters"].append(IF_MATCH)
    is_list = any(parameter["name"] == "cursor" for parameter in operation["parameters"])
    for status, response in operation["responses"].items():
        names = ["RateLimit", "RateLimit-Policy", *ERROR_HEADERS.get(status, ())]
        if status < "400":
            names += ["ETag"] if method == "get" else ["Idempotent-Replayed"]
            names += ["Link"] if is_list else []
        response["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}

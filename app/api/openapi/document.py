"""The OpenAPI document: APIFlask collects the calls, this adds what is the same for all of them."""

from __future__ import annotations

import json
import re
from typing import Any

from apiflask import APIFlask
from flask import Response, request

from app.api.http import responses as http_responses
from app.api.openapi import examples
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

ABOUT = """\
The JSON API of Bellhop. Send `Authorization: Bearer <token>`; make tokens under Account. The commands below
take theirs from `$TOKEN`.

Lists are `{"results": […], "next": …, "previous": …}`; follow `next` until it is null. Times are RFC 3339 in UTC.
Errors are problem details (RFC 9457); a 422 lists each bad value in `errors`.

Every call that writes takes the header `Idempotency-Key` (1 to 255 visible ASCII characters): made again with the same
key and body within seven days it is not done again, the first answer is given again. Another body: 422. Still running:
409.

Each answer to a GET has an `ETag`: send it back as `If-None-Match` and get an empty 304 while nothing has changed.

Each answer says in `RateLimit` how many calls are left; beyond that 429 with `Retry-After`.
"""


def _header(name: str, description: str, *, example: str = "", pattern: str = "") -> dict[str, Any]:
    schema = {"type": "string"} | ({"pattern": pattern} if pattern else {})
    described = {"in": "header", "name": name, "description": description, "schema": schema}
    return described | ({"example": example} if example else {})


IF_MATCH = _header("If-Match", "The `ETag` of the template as the caller has seen it.", example='"3-7-1"')
IF_NONE_MATCH = _header(
    "If-None-Match", "The `ETag` of the answer that the caller has already.", example='"12-4"'
)
# Without an example: whoever takes it for two calls is refused the second.
IDEMPOTENCY_KEY = _header(
    "Idempotency-Key",
    "The caller's own name for this one call: made again, it is answered as before and not done again.",
    pattern="^[!-~]{1,255}$",
)
# What answers say in their header fields.
HEADERS = {
    "ETag": "Stands for this answer: send it back as `If-None-Match`, a template's also as `If-Match`.",
    "Link": "The pages beside this one, `next` and `prev` (RFC 8288).",
    "RateLimit": "How many calls are left (`r`), and in how many seconds all are back (`t`).",
    "RateLimit-Policy": "How many calls there are (`q`) in so many seconds (`w`).",
    "Retry-After": "After how many seconds to try again.",
    "WWW-Authenticate": "How to sign in, or which scope the token lacks (RFC 6750).",
    "Idempotent-Replayed": "`true` where the answer is that of an earlier call with this `Idempotency-Key`.",
}
OF_FAILURES = {
    "401": ("WWW-Authenticate",),
    "403": ("WWW-Authenticate",),
    "429": ("Retry-After",),
    "503": ("Retry-After",),
}
NAMES_A_ROW = frozenset({"mark_read"})
TAKES_IF_MATCH = frozenset({"replace_template", "change_template", "delete_template"})
# Where one goes from an answer: the parameter, where in the answer its value stands, and the calls that take it.
FIRST = "/results/0/id"
LINKS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "list_notifications": ("notification_id", FIRST, ("show_notification", "explain_notification")),
    "change_notifications": ("change_id", "/id", ("undo_change",)),
    "list_templates": ("template_id", FIRST, ("show_template", "list_template_versions", "reset_template")),
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
    "list_announcements": ("announcement_id", FIRST, ("show_announcement", "cancel_announcement")),
    "list_deliveries": ("delivery_id", FIRST, ("show_delivery", "retry_delivery", "cancel_delivery")),
    "list_people": ("person_id", FIRST, ("show_person",)),
    "invite_person": ("person_id", "/id", ("show_person", "change_person")),
    "create_token": ("token_id", "/id", ("revoke_token",)),
    "list_views": ("view_id", FIRST, ("show_view",)),
    "create_view": ("view_id", "/id", ("show_view", "change_view", "delete_view", "restore_view")),
    "list_webhooks": ("webhook_id", FIRST, ("show_webhook", "list_webhook_calls")),
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
    """Describe the API at `/api/openapi.json`."""
    app.config.update(
        INFO={"description": ABOUT},
        # The document is made once: it must not carry the host name of whoever asks first.
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
                "description": "The browser's session; writes need the page's CSRF token as `X-CSRFToken`.",
            },
        },
    )
    for blueprint in app.blueprints.values():
        # Those of the pages are Flask's own, without the attribute that APIFlask looks for in every one.
        vars(blueprint).setdefault("enable_openapi", False)
    app.spec_processor(_complete)
    app.after_request(_keep_document)


def _keep_document(response: Response) -> Response:
    """The document changes with the release only: whoever has it asks whether it has, and is sent it squeezed."""
    if request.endpoint != "openapi.spec" or response.status_code != 200:
        return response
    response.headers["Cache-Control"] = "no-cache"
    response.headers.add("Vary", "Accept-Encoding")
    return http_responses.gzipped(http_responses.with_etag(response))


def _complete(spec: Any) -> dict[str, Any]:
    for path, operations in spec["paths"].items():
        for method, operation in operations.items():
            _complete_operation(operation, method=method, has_path_parameter="{" in path)
    # Two modules of one noun have one tag.
    spec["tags"] = list({tag["name"]: tag for tag in spec["tags"] if tag["name"] != "Api"}.values())
    spec["components"]["headers"] = {
        name: {"description": description, "schema": {"type": "string"}}
        for name, description in HEADERS.items()
    }
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas = spec["components"]["schemas"] | problem.pop("$defs") | {"Problem": problem}
    # APIFlask keeps one copy of a nested schema for each schema around it: `Page.Row` and `Row` are one.
    spec["components"]["schemas"] = {name.rpartition(".")[2]: schema for name, schema in schemas.items()}
    text = re.sub(r"(#/components/schemas/)(?:\w+\.)+", r"\1", json.dumps(spec))
    whole: dict[str, Any] = json.loads(text)
    examples.add_examples(whole)
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
    if method == "get":
        operation["responses"]["304"] = {
            "description": "Nothing has changed since the `ETag` in `If-None-Match`."
        }
    else:
        statuses |= {"409", "413", "422"}
    if operation["operationId"] in TAKES_IF_MATCH:
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
        # Of one that was known already.
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
    if operation["operationId"] in TAKES_IF_MATCH:
        operation["parameters"].append(IF_MATCH)
    is_list = any(parameter["name"] == "cursor" for parameter in operation["parameters"])
    for status, response in operation["responses"].items():
        names = ["RateLimit", "RateLimit-Policy", *OF_FAILURES.get(status, ())]
        if status < "400":
            names += ["ETag"] if method == "get" else ["Idempotent-Replayed"]
            names += ["Link"] if is_list else []
        response["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}

"""The caller's webhooks."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response, current_app

from app.api.http.auth import caller, requires
from app.api.http.request_body import json_body, list_call
from app.api.http.responses import (
    json_keyset_response,
    json_response,
    json_response_once,
    short_json_response,
)
from app.api.schemas.base import MOMENT, KeyPaged, Paged
from app.api.schemas.webhooks import (
    CallList,
    CallOut,
    NewWebhook,
    WebhookChange,
    WebhookIn,
    WebhookList,
    WebhookOut,
)
from app.services.accounts import webhooks
from app.services.deliveries import webhook_calls
from app.services.deliveries.delivery_log import DeliveryRow

bp = APIBlueprint("webhooks", __name__, url_prefix="/webhooks", tag="Webhooks")

TEST_CALL_EXAMPLE = {
    "notification_id": None,
    "kind": "test",
    "title": "Test",
    "state": "pending",
    "verdict": "Waiting",
    "attempts": 0,
    "response": "",
    "sent_at": None,
}


@bp.get("/")
@requires("read")
@list_call(bp, WebhookList, KeyPaged)
def list_webhooks(query: KeyPaged) -> Response:
    """List your webhooks"""
    return short_json_response(
        WebhookList, webhooks.for_user(caller().user), query, key=lambda hook: [hook.id]
    )


@bp.post("/")
@requires("read", "write", needs_password=True)
@bp.output(NewWebhook, status_code=201)
@json_body(WebhookIn)
def create_webhook(body: WebhookIn) -> Response:
    """Add a webhook

    Your notifications are posted to it, signed according to Standard Webhooks 1.0; a token therefore needs
    the scopes `read` and `write`, and a browser session a password that was typed within the last 15 minutes. The
    `secret` is shown once: a repeated call with the same `Idempotency-Key` responds with `"secret": null`.
    """
    return _secret_response(webhooks.create(caller().user, body.url, secret=_secret_key()), 201)


@bp.get("/<row_id:webhook_id>/")
@requires("read")
@bp.output(WebhookOut)
def show_webhook(webhook_id: int) -> Response:
    """Get a webhook"""
    return json_response(WebhookOut.model_validate(webhooks.get(caller().user, webhook_id)))


@bp.patch("/<row_id:webhook_id>/")
@requires("read", "write", needs_password=True)
@bp.output(WebhookOut, example={"disabled_at": MOMENT, "disabled_reason": "by its owner"})
@json_body(WebhookChange)
def change_webhook(body: WebhookChange, webhook_id: int) -> Response:
    """Change a webhook's URL, or disable or enable it

    The secret is kept. Bellhop disables a webhook that fails for days or responds with 410; `disabled_reason` says why.
    """
    webhook = webhooks.change(caller().user, webhook_id, url=body.url, is_enabled=body.is_enabled)
    return json_response(WebhookOut.model_validate(webhook))


@bp.delete("/<row_id:webhook_id>/")
@requires("write")
@bp.output({}, status_code=204)
def delete_webhook(webhook_id: int) -> Response:
    """Delete a webhook"""
    webhooks.remove(caller().user, webhook_id)
    return Response(status=204)


@bp.post("/<row_id:webhook_id>/rotate-secret/")
@requires("read", "write", needs_password=True)
@bp.output(NewWebhook, example={"rotated_at": MOMENT})
def rotate_webhook_secret(webhook_id: int) -> Response:
    """Replace a webhook's secret

    For 24 hours calls are signed with both secrets, and rotating again is a 409. The new secret is shown once: a
    repeated call with the same `Idempotency-Key` responds with `"secret": null`.
    """
    return _secret_response(webhooks.rotate(caller().user, webhook_id, secret=_secret_key()), 200)


@bp.post("/<row_id:webhook_id>/test/")
@requires("read", "write")
@bp.output(CallOut, status_code=201, example=TEST_CALL_EXAMPLE)
def test_webhook(webhook_id: int) -> Response:
    """Send a test call to a webhook

    It is sent within moments; its outcome appears in the list of calls.
    """
    return json_response(call_output(webhook_calls.send_test(caller().user, webhook_id)), 201)


@bp.get("/<row_id:webhook_id>/calls/")
@requires("read")
@list_call(bp, CallList, Paged)
def list_webhook_calls(query: Paged, webhook_id: int) -> Response:
    """List a webhook's calls

    Newest first, each with the last response.
    """
    page = webhook_calls.page_for(
        caller().user, webhook_id, before=query.next_from, after=query.previous_from, limit=query.limit
    )
    rows = [call_output(row) for row in page.lines]
    return json_keyset_response(CallList, rows, page.older, page.newer)


def _secret_response(webhook_and_secret: tuple[Any, str], status: int) -> Response:
    webhook, secret = webhook_and_secret
    output = WebhookOut.model_validate(webhook)
    return json_response_once(NewWebhook(**output.model_dump(), secret=secret), "secret", status)


def call_output(row: DeliveryRow) -> CallOut:
    """Describe a call to a webhook or a subscription."""
    response = row.delivery.log[-1].response if row.delivery.log else ""
    names = [name for name in CallOut.model_fields if hasattr(row.delivery, name)]
    return CallOut(
        **{name: getattr(row.delivery, name) for name in names},
        title=row.title,
        verdict=row.verdict,
        response=response,
    )


def _secret_key() -> str:
    return str(current_app.config["SECRET_KEY"])

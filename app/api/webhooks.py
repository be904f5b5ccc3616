"""The caller's own webhooks."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response, current_app

from app.api.http.auth import caller, requires
from app.api.http.request_body import json_body, query_params
from app.api.http.responses import json_response, json_response_once, links, neighbours, short_json_response
from app.api.schemas.base import MOMENT, Paged
from app.api.schemas.webhooks import (
    CallOut,
    CallPage,
    NewWebhook,
    WebhookChange,
    WebhookIn,
    WebhookList,
    WebhookOut,
)
from app.services.accounts import webhooks
from app.services.deliveries import webhook_calls
from app.services.deliveries.log import DeliveryRow

bp = APIBlueprint("webhooks", __name__, url_prefix="/webhooks", tag="Webhooks")

JUST_ASKED_FOR = {
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
@bp.output(WebhookList)
@query_params(Paged)
def list_webhooks(query: Paged) -> Response:
    """List one's webhooks"""
    return short_json_response(WebhookList, webhooks.for_user(caller().user), query)


@bp.post("/")
@requires("write")
@bp.output(NewWebhook, status_code=201)
@json_body(WebhookIn)
def create_webhook(body: WebhookIn) -> Response:
    """Add a webhook

    One's notifications are posted to it from then on, signed as Standard Webhooks 1.0 says. The `secret` is told once
    and not kept: repeated with the same `Idempotency-Key`, the call answers `"secret": null`.
    """
    return _told(webhooks.create(caller().user, body.url, secret=_key()), 201)


@bp.get("/<row_id:webhook_id>/")
@requires("read")
@bp.output(WebhookOut)
def show_webhook(webhook_id: int) -> Response:
    """Read one webhook"""
    return json_response(WebhookOut.model_validate(webhooks.get(caller().user, webhook_id)))


@bp.patch("/<row_id:webhook_id>/")
@requires("write")
@bp.output(WebhookOut, example={"disabled_at": MOMENT, "disabled_reason": "by its owner"})
@json_body(WebhookChange)
def change_webhook(body: WebhookChange, webhook_id: int) -> Response:
    """Lead a webhook elsewhere, or switch it off and on

    Its secret stays. Bellhop itself switches off one that fails for days or answers 410; `disabled_reason` says why.
    """
    hook = webhooks.change(caller().user, webhook_id, url=body.url, is_on=body.is_enabled)
    return json_response(WebhookOut.model_validate(hook))


@bp.delete("/<row_id:webhook_id>/")
@requires("write")
@bp.output({}, status_code=204)
def delete_webhook(webhook_id: int) -> Response:
    """Remove a webhook"""
    webhooks.remove(caller().user, webhook_id)
    return Response(status=204)


@bp.post("/<row_id:webhook_id>/rotate-secret/")
@requires("write")
@bp.output(NewWebhook, example={"rotated_at": MOMENT})
def rotate_webhook_secret(webhook_id: int) -> Response:
    """Replace a webhook's secret

    For 24 hours the one before signs beside it, and another call is answered 409. The new one is told once: repeated
    with the same `Idempotency-Key`, the call answers `"secret": null`.
    """
    return _told(webhooks.rotate(caller().user, webhook_id, secret=_key()), 200)


@bp.post("/<row_id:webhook_id>/test/")
@requires("write")
@bp.output(CallOut, status_code=201, example=JUST_ASKED_FOR)
def test_webhook(webhook_id: int) -> Response:
    """Send a test to a webhook

    It goes out within moments; its outcome stands among the calls.
    """
    return json_response(_call(webhook_calls.send_test(caller().user, webhook_id)), 201)


@bp.get("/<row_id:webhook_id>/calls/")
@requires("read")
@bp.output(CallPage)
@query_params(Paged)
def list_webhook_calls(query: Paged, webhook_id: int) -> Response:
    """List what went to a webhook

    Newest first, each with what was answered.
    """
    page = webhook_calls.page_for(
        caller().user, webhook_id, before=query.next_from, after=query.previous_from, limit=query.limit
    )
    following, previous = neighbours(page.older, page.newer)
    rows = [_call(line) for line in page.lines]
    return json_response(
        CallPage(results=rows, next=following, previous=previous), headers=links(following, previous)
    )


def _told(made: tuple[Any, str], status: int) -> Response:
    hook, secret = made
    shown = WebhookOut.model_validate(hook)
    return json_response_once(NewWebhook(**shown.model_dump(), secret=secret), "secret", status)


def _call(line: DeliveryRow) -> CallOut:
    response = line.row.log[-1].response if line.row.log else ""
    names = [name for name in CallOut.model_fields if hasattr(line.row, name)]
    return CallOut(
        **{name: getattr(line.row, name) for name in names},
        title=line.title,
        verdict=line.verdict,
        response=response,
    )


def _key() -> str:
    return str(current_app.config["SECRET_KEY"])

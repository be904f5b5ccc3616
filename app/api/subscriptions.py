"""Subscriptions: webhooks of the installation, for admins."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
from app.api.schemas.subscriptions import (
    NewSubscription,
    SubscriptionChange,
    SubscriptionIn,
    SubscriptionList,
    SubscriptionOut,
)
from app.api.schemas.webhooks import CallList, CallOut
from app.api.webhooks import TEST_CALL_EXAMPLE, call_output
from app.services.deliveries import delivery_log, webhook_calls
from app.services.subscriptions import management

if TYPE_CHECKING:
    from app.models import Webhook

bp = APIBlueprint("api_subscriptions", __name__, url_prefix="/subscriptions", tag="Subscriptions")


@bp.get("/")
@requires("admin")
@list_call(bp, SubscriptionList, KeyPaged)
def list_subscriptions(query: KeyPaged) -> Response:
    """List subscriptions"""
    return short_json_response(
        SubscriptionList, management.all_subscriptions(), query, key=lambda hook: [hook.id]
    )


@bp.post("/")
@requires("admin", needs_password=True)
@bp.output(NewSubscription, status_code=201, example={"rotated_at": None, "disabled_at": None})
@json_body(SubscriptionIn)
def create_subscription(body: SubscriptionIn) -> Response:
    """Add a subscription

    Events about everyone's notifications are posted to its URL, signed according to Standard Webhooks 1.0.
    Confidential notifications are sent without their content. The `secret` is shown once: a repeated call with the same
    `Idempotency-Key` responds with `"secret": null`.
    """
    return _secret_response(
        management.create(body.url, body.types, actor=caller().user, secret=_secret_key()), 201
    )


@bp.get("/<row_id:subscription_id>/")
@requires("admin")
@bp.output(SubscriptionOut)
def show_subscription(subscription_id: int) -> Response:
    """Get a subscription"""
    return json_response(SubscriptionOut.model_validate(management.get(subscription_id)))


@bp.patch("/<row_id:subscription_id>/")
@requires("admin", needs_password=True)
@bp.output(SubscriptionOut, example={"types": ["delivery.failed"]})
@json_body(SubscriptionChange)
def change_subscription(body: SubscriptionChange, subscription_id: int) -> Response:
    """Change a subscription's URL or types, or disable or enable it

    The secret is kept. Bellhop disables a subscription that fails for days or responds with 410; `disabled_reason` says
    why.
    """
    changed = management.change(
        subscription_id, actor=caller().user, url=body.url, types=body.types, is_enabled=body.is_enabled
    )
    return json_response(SubscriptionOut.model_validate(changed))


@bp.delete("/<row_id:subscription_id>/")
@requires("admin")
@bp.output({}, status_code=204)
def delete_subscription(subscription_id: int) -> Response:
    """Delete a subscription"""
    management.remove(subscription_id, actor=caller().user)
    return Response(status=204)


@bp.post("/<row_id:subscription_id>/rotate-secret/")
@requires("admin", needs_password=True)
@bp.output(NewSubscription, example={"rotated_at": MOMENT})
def rotate_subscription_secret(subscription_id: int) -> Response:
    """Replace a subscription's secret

    For 24 hours calls are signed with both secrets, and rotating again is a 409. The new secret is shown once: a
    repeated call with the same `Idempotency-Key` responds with `"secret": null`.
    """
    return _secret_response(
        management.rotate(subscription_id, actor=caller().user, secret=_secret_key()), 200
    )


@bp.post("/<row_id:subscription_id>/test/")
@requires("admin")
@bp.output(CallOut, status_code=201, example=TEST_CALL_EXAMPLE)
def test_subscription(subscription_id: int) -> Response:
    """Send a test call to a subscription

    It is sent within moments. The list of calls shows the outcome.
    """
    row = delivery_log.delivery_row(management.send_test(subscription_id), caller().user)
    return json_response(call_output(row), 201)


@bp.get("/<row_id:subscription_id>/calls/")
@requires("admin")
@list_call(bp, CallList, Paged)
def list_subscription_calls(query: Paged, subscription_id: int) -> Response:
    """List a subscription's calls

    Newest first, each with the last response.
    """
    page = webhook_calls.page_for_subscription(
        subscription_id,
        caller().user,
        before=query.next_from,
        after=query.previous_from,
        limit=query.limit,
    )
    rows = [call_output(row) for row in page.lines]
    return json_keyset_response(CallList, rows, page.older, page.newer)


def _secret_response(subscription_and_secret: tuple[Webhook, str], status: int) -> Response:
    subscription, secret = subscription_and_secret
    output = SubscriptionOut.model_validate(subscription)
    return json_response_once(NewSubscription(**output.model_dump(), secret=secret), "secret", status)


def _secret_key() -> str:
    return str(current_app.config["SECRET_KEY"])

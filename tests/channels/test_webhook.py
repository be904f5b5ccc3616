"""Webhooks against a receiver that verifies them with the reference library."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from app.channels import safe_http, webhook
from app.channels.base import Message, PermanentFailure, TemporaryFailure
from app.channels.webhook import WebhookChannel
from tests.support.web import Reply, WebServer

OLD, NEW = ("whsec_" + base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2))


def message(url: str, *keys: str) -> Message:
    text = '{"type":"notification.created","data":{"title":"Interview \\u202e"}}'
    return Message(id="msg_7_1", address=url, subject="", text=text, keys=keys or (NEW,))


def channel() -> WebhookChannel:
    return WebhookChannel(may_reach=lambda address: address.is_loopback)


def test_the_reference_library_verifies_the_signature(web_server: WebServer) -> None:
    assert channel().send(message(web_server.url + "/hook")).response == "200 ok"
    call = web_server.calls[0]
    assert call.headers["content-type"] == "application/json"
    assert call.headers["webhook-id"] == "msg_7_1"
    data = Webhook(NEW).verify(call.body, call.headers)
    assert data["type"] == "notification.created"
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(call.body, call.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(call.body.replace(b"Interview", b"interview"), call.headers)


def test_both_secrets_are_accepted_during_a_replacement(web_server: WebServer) -> None:
    channel().send(message(web_server.url, NEW, OLD))
    call = web_server.calls[0]
    assert Webhook(NEW).verify(call.body, call.headers)
    assert Webhook(OLD).verify(call.body, call.headers)


def test_a_replayed_call_is_refused_after_five_minutes() -> None:
    late = message("https://x.example")
    headers = webhook.sign_payload(late, datetime.now(UTC) - timedelta(minutes=6))
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(late.text, headers)


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 404, 409, 429, 500, 503])
def test_a_rejected_call_is_retried_after_its_retry_after(status: int, web_server: WebServer) -> None:
    web_server.usual = Reply(status, b"no", {"Retry-After": "9"})
    with pytest.raises(TemporaryFailure, match=str(status)) as caught:
        channel().send(message(web_server.url))
    assert caught.value.retry_after == 9.0
    assert not caught.value.slow_down
    assert len(web_server.calls) == 1


def test_a_410_is_not_retried(web_server: WebServer) -> None:
    web_server.usual = Reply(410)
    with pytest.raises(PermanentFailure) as caught:
        channel().send(message(web_server.url))
    assert caught.value.suppress


@pytest.mark.parametrize(
    "reply", [Reply(raw=b"nonsense\r\n\r\n"), Reply(after=20)], ids=["malformed", "silent"]
)
def test_a_call_without_a_response_is_retried(
    reply: Reply, web_server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(safe_http, "TOTAL_SECONDS", 0.3)
    web_server.usual = reply
    with pytest.raises(TemporaryFailure):
        channel().send(message(web_server.url))


def test_the_configured_channel_refuses_private_addresses(web_server: WebServer) -> None:
    with pytest.raises(PermanentFailure, match="not a public address"):
        webhook.connect().send(message(web_server.url))
    assert web_server.calls == []

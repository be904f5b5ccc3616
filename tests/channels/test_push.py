"""Web Push against an endpoint that decrypts messages as a browser does."""

from __future__ import annotations

import base64
import json
import os
from typing import Any

import http_ece
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.channels import push
from app.channels.base import Message, PermanentFailure, TemporaryFailure
from app.channels.push import PushChannel
from tests.support.web import Call, Reply, WebServer

OURS = base64.urlsafe_b64encode(bytes([7]) * 32).rstrip(b"=").decode()


def unpadded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def padded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Browser:
    """The receiving side: creates the keys and decrypts messages with them."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.secret = os.urandom(16)
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.p256dh, self.auth = unpadded(point), unpadded(self.secret)

    def read(self, body: bytes) -> Any:
        return json.loads(
            http_ece.decrypt(body, private_key=self.key, auth_secret=self.secret, version="aes128gcm")
        )


def channel() -> PushChannel:
    return PushChannel(OURS, "mailto:ops@example.test", may_reach=lambda address: address.is_loopback)


def message(url: str, browser: Browser, text: str = '{"title":"Booked"}') -> Message:
    return Message(
        id="msg_1",
        address=url,
        subject="",
        text=text,
        headers={"TTL": "60", "Urgency": "high", "Topic": "d1"},
        keys=(browser.p256dh, browser.auth),
    )


def claims(call: Call) -> dict[str, Any]:
    """Return the claims of a call's token, verified with the key that the browser was given."""
    token = call.headers["authorization"]
    assert token.startswith("vapid t=")
    assert f"k={push.public_key(OURS)}" in token
    text = token.removeprefix("vapid t=").partition(",")[0]
    head, body, signature = text.split(".")
    point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), padded(push.public_key(OURS)))
    r, s = (int.from_bytes(part, "big") for part in (padded(signature)[:32], padded(signature)[32:]))
    point.verify(encode_dss_signature(r, s), f"{head}.{body}".encode(), ec.ECDSA(SHA256()))
    found: dict[str, Any] = json.loads(padded(body))
    return found


def test_only_the_browser_can_decrypt_the_message(web_server: WebServer) -> None:
    browser, web_server.usual = Browser(), Reply(201)
    text = json.dumps({"title": "Entretien réservé", "message": "10:00 \u2013 <b>"}, ensure_ascii=False)
    channel().send(message(web_server.url + "/send/abc", browser, text))
    call = web_server.calls[0]
    assert (call.path, call.headers["content-encoding"]) == ("/send/abc", "aes128gcm")
    assert (call.headers["ttl"], call.headers["urgency"], call.headers["topic"]) == ("60", "high", "d1")
    assert b"Entretien" not in call.body
    assert browser.read(call.body) == json.loads(text)
    with pytest.raises((http_ece.ECEException, InvalidTag)):
        Browser().read(call.body)


def test_the_token_names_us_and_the_push_service(web_server: WebServer) -> None:
    way = channel()
    for _time in range(2):
        way.send(message(web_server.url + "/send/abc", Browser()))
    found = claims(web_server.calls[0])
    assert found["aud"] == web_server.url
    assert found["sub"] == "mailto:ops@example.test"
    # Signing is expensive, so one token serves all messages to a service.
    tokens = {call.headers["authorization"] for call in web_server.calls}
    assert len(tokens) == 1


@pytest.mark.parametrize("status", [404, 410])
def test_a_browser_that_is_gone_ends_the_delivery(status: int, web_server: WebServer) -> None:
    web_server.usual = Reply(status)
    with pytest.raises(PermanentFailure) as caught:
        channel().send(message(web_server.url, Browser()))
    assert caught.value.suppress


@pytest.mark.parametrize("status", [400, 405, 411, 413, 415])
def test_failures_that_a_retry_cannot_fix_are_permanent(status: int, web_server: WebServer) -> None:
    web_server.usual = Reply(status)
    with pytest.raises(PermanentFailure) as caught:
        channel().send(message(web_server.url, Browser()))
    assert not caught.value.suppress


@pytest.mark.parametrize(
    "reply",
    [
        Reply(401, b"invalid JWT provided"),
        Reply(403, b"the key in the authorization header does not correspond to the sender ID"),
        Reply(400, b'{"reason":"VapidPkHashMismatch"}'),
        Reply(400, b"invalid JWT provided"),
        Reply(400, b"the authorization header does not fit"),
        Reply(400, b"Unauthorised"),
    ],
)
def test_a_rejected_key_of_ours_is_a_temporary_failure_and_our_fault(
    reply: Reply, web_server: WebServer
) -> None:
    web_server.usual = reply
    with pytest.raises(TemporaryFailure, match="VAPID_PRIVATE_KEY") as caught:
        channel().send(message(web_server.url, Browser()))
    assert caught.value.is_our_fault


@pytest.mark.parametrize(
    "reply",
    [Reply(429, headers={"Retry-After": "30"}), Reply(500), Reply(503), Reply(raw=b"x\r\n"), Reply(after=9)],
)
def test_every_other_failure_is_retried(
    reply: Reply, web_server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push, "TIMEOUT_SECONDS", 0.3)
    web_server.usual = reply
    with pytest.raises(TemporaryFailure) as caught:
        channel().send(message(web_server.url, Browser()))
    assert caught.value.retry_after == (30.0 if reply.status == 429 else None)


def test_an_unreachable_service_is_backed_off_from_without_affecting_others(
    web_server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push, "TIMEOUT_SECONDS", 0.3)
    way, browser = channel(), Browser()
    web_server.usual = Reply(after=9)
    for _time in range(2):
        with pytest.raises(TemporaryFailure):
            way.send(message(web_server.url, browser))
    assert len(web_server.calls) == 1
    web_server.usual = Reply(201)
    assert way.send(message(web_server.url.replace("127.0.0.1", "localhost"), browser))


def test_invalid_browser_keys_are_a_permanent_failure(web_server: WebServer) -> None:
    broken = Browser()
    broken.p256dh = unpadded(b"\x04" + b"\x01" * 64)
    with pytest.raises(PermanentFailure):
        channel().send(message(web_server.url, broken))
    assert web_server.calls == []


def test_the_configured_channel_refuses_private_addresses(app: Any, web_server: WebServer) -> None:
    with pytest.raises(PermanentFailure, match="not a public address"):
        push.connect().send(message(web_server.url, Browser()))
    assert web_server.calls == []

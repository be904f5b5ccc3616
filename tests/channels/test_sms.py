"""SMS against a stand-in for Twilio: each of its answers leads where the table says."""

from __future__ import annotations

import base64
import json
import socket
from urllib.parse import parse_qs

import pytest

from app.channels import sms
from app.channels.base import (
    DeliveryError,
    HostUnavailable,
    Message,
    PermanentFailure,
    TemporaryFailure,
    UncertainOutcome,
)
from app.channels.capture import CaptureSms
from app.channels.sms import OUR_FAULT, PERMANENT, TwilioChannel
from tests.support.web import Reply, WebServer

TEXT = Message(id="msg_1", address="+442079460958", subject="", text="Hello & goodbye: 1+1=2 £")


def refusal(code: int, status: int = 400) -> Reply:
    return Reply(status, json.dumps({"code": code, "message": "It said no", "status": status}).encode())


def channel(server: WebServer, sender: str = "+15005550006") -> TwilioChannel:
    return TwilioChannel(server.url, "AC123", "token", sender)


def test_a_text_is_posted_as_twilio_wants_it(web_server: WebServer) -> None:
    web_server.usual = Reply(201, b'{"sid": "SM42", "status": "queued"}')
    assert channel(web_server).send(TEXT).response == "201 SM42 queued"
    call = web_server.calls[0]
    assert call.path == "/2010-04-01/Accounts/AC123/Messages.json"
    assert call.headers["authorization"] == "Basic " + base64.b64encode(b"AC123:token").decode()
    assert parse_qs(call.body.decode()) == {
        "To": ["+442079460958"],
        "From": ["+15005550006"],
        "Body": ["Hello & goodbye: 1+1=2 £"],
    }


def test_a_messaging_service_is_named_instead_of_a_number(web_server: WebServer) -> None:
    web_server.usual = Reply(201, b'{"sid": "SM42"}')
    channel(web_server, "MG1").send(TEXT)
    assert b"MessagingServiceSid=MG1" in web_server.calls[0].body
    assert b"From" not in web_server.calls[0].body


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (refusal(21211), PermanentFailure, "21211 It said no"),
        (refusal(21614), PermanentFailure, "21614"),
        (refusal(21610), PermanentFailure, "21610"),
        (refusal(12345), PermanentFailure, "12345"),
        (refusal(20429, 429), TemporaryFailure, "429"),
        (refusal(20500, 500), TemporaryFailure, "500"),
        (Reply(503, b"<html>upstream</html>"), TemporaryFailure, "503"),
        (Reply(302, headers={"Location": "http://127.0.0.1:1/"}), TemporaryFailure, "302"),
        (refusal(20003, 401), HostUnavailable, "401"),
        (refusal(20404, 404), HostUnavailable, "20404"),
        (refusal(21212), HostUnavailable, "21212"),
        (Reply(404, b"<html>not here</html>"), HostUnavailable, "404"),
        (refusal(21606), TemporaryFailure, "21606"),
        (Reply(201, b"not json"), UncertainOutcome, "without an id"),
        (Reply(201, b'["sid"]'), UncertainOutcome, "without an id"),
        (Reply(201, b"[" * 9000), UncertainOutcome, "without an id"),
        (Reply(raw=b"garbage\r\n\r\n"), UncertainOutcome, "No usable response"),
    ],
)
def test_every_answer_has_its_meaning(
    reply: Reply, kind: type[DeliveryError], words: str, web_server: WebServer
) -> None:
    web_server.usual = reply
    with pytest.raises(kind, match=words):
        channel(web_server).send(TEXT)


@pytest.mark.parametrize("code", sorted(OUR_FAULT))
def test_an_error_of_our_account_or_number_never_ends_a_text(code: int, web_server: WebServer) -> None:
    web_server.usual = refusal(code)
    with pytest.raises((HostUnavailable, TemporaryFailure)) as caught:
        channel(web_server).send(TEXT)
    assert caught.value.is_our_fault
    assert isinstance(caught.value, HostUnavailable) == OUR_FAULT[code]


@pytest.mark.parametrize("code", sorted(PERMANENT))
def test_only_a_number_that_must_not_be_written_to_again_is_suppressed(
    code: int, web_server: WebServer
) -> None:
    web_server.usual = refusal(code)
    with pytest.raises(PermanentFailure) as caught:
        channel(web_server).send(TEXT)
    assert caught.value.suppress == (code in {21610, 30004, 30006})


def test_too_many_at_once_slow_the_whole_host_for_as_long_as_it_asks(web_server: WebServer) -> None:
    web_server.usual = Reply(429, headers={"Retry-After": "17"})
    with pytest.raises(TemporaryFailure) as caught:
        channel(web_server).send(TEXT)
    assert (caught.value.retry_after, caught.value.slow_down) == (17.0, True)


def test_a_host_that_is_down_says_nothing_about_the_text_and_a_lost_answer_is_uncertain(
    web_server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(HostUnavailable):
        TwilioChannel(f"http://127.0.0.1:{port}", "AC123", "t", "+1").send(TEXT)
    monkeypatch.setattr(sms, "ANSWER_SECONDS", 0.3)
    web_server.usual = Reply(after=20)
    with pytest.raises(UncertainOutcome):
        channel(web_server).send(TEXT)


def test_without_an_account_the_text_is_kept() -> None:
    receipt = CaptureSms().send(TEXT)
    assert receipt.captured is not None
    assert receipt.captured.decode().endswith(TEXT.text)

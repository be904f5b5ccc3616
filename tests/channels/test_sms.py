"""SMS against a stand-in for Twilio: each of its responses has the result of the table."""

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
from app.channels.sms import TwilioChannel
from tests.support.web import Reply, WebServer

TEXT = Message(id="msg_1", address="+442079460958", subject="", text="Hello & goodbye: 1+1=2 £")


def refusal(code: int, status: int = 400) -> Reply:
    return Reply(status, json.dumps({"code": code, "message": "It said no", "status": status}).encode())


def channel(server: WebServer, sender: str = "+15005550006") -> TwilioChannel:
    return TwilioChannel(server.url, "AC123", "token", sender)


def test_a_text_is_posted_in_twilios_format(web_server: WebServer) -> None:
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


def test_a_messaging_service_can_replace_the_number(web_server: WebServer) -> None:
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
        *((Reply(status, b"<html>"), HostUnavailable, str(status)) for status in (401, 403, 404, 405)),
        (refusal(12345, 403), PermanentFailure, "12345"),
        (refusal(21606), TemporaryFailure, "21606"),
        (Reply(201, b"not json"), UncertainOutcome, "without an id"),
        (Reply(201, b'["sid"]'), UncertainOutcome, "without an id"),
        (Reply(201, b"[" * 9000), UncertainOutcome, "without an id"),
        (Reply(raw=b"garbage\r\n\r\n"), UncertainOutcome, "No usable response"),
    ],
)
def test_each_response_maps_to_a_failure(
    reply: Reply, kind: type[DeliveryError], words: str, web_server: WebServer
) -> None:
    web_server.usual = reply
    with pytest.raises(kind, match=words):
        channel(web_server).send(TEXT)


# Errors of the account affect every text; errors of the number only those to some numbers.
OF_OUR_ACCOUNT = (
    *(10001, 10002, 20003, 20005, 20006, 20008, 20404, 21212, 21603),
    *(21660, 21701, 21703, 21705, 30002, 63038),
)
OF_OUR_NUMBER = (21408, 21606, 21608, 21659, 30034)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        *((code, HostUnavailable) for code in OF_OUR_ACCOUNT),
        *((code, TemporaryFailure) for code in OF_OUR_NUMBER),
    ],
)
def test_an_error_of_our_account_or_number_never_fails_a_text(
    code: int, kind: type[DeliveryError], web_server: WebServer
) -> None:
    web_server.usual = refusal(code)
    with pytest.raises(kind) as caught:
        channel(web_server).send(TEXT)
    assert caught.value.is_our_fault  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "code", [21211, 21214, 21217, 21612, 21614, 21617, 30004, 30005, 30006, 30007, 21610]
)
def test_only_an_unreachable_number_is_suppressed(code: int, web_server: WebServer) -> None:
    web_server.usual = refusal(code)
    with pytest.raises(PermanentFailure) as caught:
        channel(web_server).send(TEXT)
    assert caught.value.suppress == (code in {21610, 30004, 30006})


def test_a_429_backs_off_from_the_whole_host_for_its_retry_after(web_server: WebServer) -> None:
    web_server.usual = Reply(429, headers={"Retry-After": "17"})
    with pytest.raises(TemporaryFailure) as caught:
        channel(web_server).send(TEXT)
    assert (caught.value.retry_after, caught.value.slow_down) == (17.0, True)


def test_an_unreachable_host_does_not_fail_the_text_and_a_lost_response_is_uncertain(
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


def test_texts_are_captured_without_an_account() -> None:
    receipt = CaptureSms().send(TEXT)
    assert receipt.captured is not None
    assert receipt.captured.decode().endswith(TEXT.text)

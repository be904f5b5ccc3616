"""Calls are accepted only as the other system signed them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.sources import SOURCES, calls, lever
from tests.support.source_calls import NOW, ORDINARY, SECRET, encode, signed

KINDS = sorted(SOURCES)
# The signature is in a header and covers the body; Lever's is different.
SIGNED_BODIES = [kind for kind in KINDS if kind != "lever"]
TIMED = {"calendly": 180, "lever": 300, "standard": 300}


@pytest.mark.parametrize("escaped", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_a_signed_call_is_accepted_and_no_other_secret_fits(kind: str, escaped: bool) -> None:
    verify = SOURCES[kind].verify
    document = {**ORDINARY[kind], "note": "Zoë Ångström <b>&amp;</b> 工程師"}
    headers, body = signed(kind, document, escaped=escaped)
    assert verify(headers, body, ["another", SECRET], NOW)
    assert not verify(headers, body, ["another"], NOW)
    assert not verify(headers, body, [], NOW)
    assert not verify({}, body.replace(b"signature", b"sig"), [SECRET], NOW)
    assert not verify(dict.fromkeys(headers, ""), b"", [SECRET], NOW)


@pytest.mark.parametrize("kind", TIMED)
def test_an_old_call_is_refused(kind: str) -> None:
    headers, body = signed(kind, ORDINARY[kind])
    for seconds in (-TIMED[kind], TIMED[kind]):
        later = NOW + timedelta(seconds=seconds)
        assert SOURCES[kind].verify(headers, body, [SECRET], later)
        assert not SOURCES[kind].verify(headers, body, [SECRET], later + timedelta(seconds=seconds / 60))


@pytest.mark.parametrize("kind", SIGNED_BODIES)
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_change_of_the_body_or_the_signature_is_refused(kind: str, data: st.DataObject) -> None:
    headers, body = signed(kind, ORDINARY[kind])
    name = data.draw(st.sampled_from(["", *(name for name in headers if name != "greenhouse-event-id")]))
    if not name:
        body = mutated(data, body)
    else:
        headers[name] = mutated(data, headers[name].encode()).decode("latin-1")
    assert not SOURCES[kind].verify(headers, body, [SECRET], NOW)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_change_of_what_lever_signs_is_refused(data: st.DataObject) -> None:
    import json

    _headers, body = signed("lever", ORDINARY["lever"])
    document = json.loads(body)
    name = data.draw(st.sampled_from(["token", "triggeredAt", "signature"]))
    if name == "triggeredAt":
        document[name] += data.draw(st.integers(-200_000, 200_000).filter(bool))
    else:
        document[name] = mutated(data, document[name].encode()).decode("latin-1")
    assert not SOURCES["lever"].verify({}, encode(document), [SECRET], NOW)
    for value in (None, True, [], {}, 1.5, "\ud800", 10**400, -(10**400)):
        assert not SOURCES["lever"].verify({}, encode(document | {name: value}), [SECRET], NOW)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("garbage", [b"", b"\xff\xfe", b"[" * 100_000, b"null", b'"x"', b"{"])
def test_garbage_is_refused(kind: str, garbage: bytes) -> None:
    headers, _body = signed(kind, ORDINARY[kind])
    for name in headers:
        assert not SOURCES[kind].verify(headers | {name: "é\x7f, ="}, garbage, [SECRET], NOW)
    assert not SOURCES[kind].verify({}, garbage, [SECRET], NOW)


def test_one_of_several_standard_signatures_is_enough() -> None:
    headers, body = signed("standard", ORDINARY["standard"])
    headers["webhook-signature"] = f"v1a,x v1,wrong {headers['webhook-signature']}"
    assert SOURCES["standard"].verify(headers, body, [SECRET], NOW)


@pytest.mark.parametrize("kind", KINDS)
def test_a_secret_may_have_letters_of_any_script(kind: str) -> None:
    headers, body = signed(kind, ORDINARY[kind], secret="ein geheimes Schlüsselwort")
    assert SOURCES[kind].verify(headers, body, ["ein geheimes Schlüsselwort"], NOW)
    assert not SOURCES[kind].verify(headers, body, ["ein geheimes Schlusselwort"], NOW)


def test_a_lever_call_with_too_many_values_is_refused_before_it_is_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _headers, body = signed("lever", {**ORDINARY["lever"], "more": [[]] * calls.MAX_VALUES})
    monkeypatch.setattr(lever.json, "loads", lambda _body: pytest.fail("was decoded"))
    assert not lever.verify({}, body, [SECRET], NOW)


def test_a_token_of_lever_cannot_be_used_again_in_another_spelling() -> None:
    _headers, body = signed("lever", ORDINARY["lever"], unique="t?ken")
    assert not SOURCES["lever"].verify({}, body.replace(b"t?ken", b"t\\ud800ken"), [SECRET], NOW)


def test_the_standard_signature_is_that_of_the_library() -> None:
    from standardwebhooks import Webhook

    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = encode(ORDINARY["standard"])
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(NOW.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", NOW, body.decode()),
    }
    assert SOURCES["standard"].verify(headers, body, [secret], NOW)
    assert not SOURCES["standard"].verify(headers | {"webhook-id": "msg_2"}, body, [secret], NOW)


def mutated(data: st.DataObject, value: bytes) -> bytes:
    """Change, remove or add one byte."""
    place = data.draw(st.integers(0, len(value) - 1))
    change = data.draw(st.sampled_from(["replace", "remove", "add"]))
    if change == "remove":
        found = value[:place] + value[place + 1 :]
    elif change == "add":
        found = value[:place] + bytes([data.draw(st.integers(33, 126))]) + value[place:]
    else:
        byte = data.draw(st.integers(33, 126).filter(lambda each: each != value[place]))
        found = value[:place] + bytes([byte]) + value[place + 1 :]
    return found

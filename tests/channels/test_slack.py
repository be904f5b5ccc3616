"""Slack against a stand-in that refuses what Slack would refuse."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from app.channels import slack
from app.channels.base import Card, DeliveryError, Message, PermanentFailure, TemporaryFailure
from app.channels.slack import SlackChannel
from tests.support.slack import TOKEN, Slack, check_message
from tests.support.web import Reply, WebServer

CARD = Card(
    title="Interview Scheduled for Priya Raman",
    text="An interview has been scheduled.",
    facts=(("When", "Thursday 12 March 2026, 14:00 to 15:00 (Paris time)"), ("Job", "R&D <Lead>")),
    button=("Join the interview", "https://meet.example.com/iv-1?a=1&b=2"),
    links=(("Read in Bellhop", "https://bellhop.example.com/notifications/5"),),
    reason="You get this because you're a recruiter on this interview.",
)
HOOK = "https://hooks.slack.com/services/T1/B1/secret"


def message(address: str, **fields: Any) -> Message:
    return Message(id="msg_7_1", address=address, subject=CARD.title, text=CARD.text, card=CARD, **fields)


def channel(server: WebServer, token: str = TOKEN) -> SlackChannel:
    return SlackChannel(token, server.url)


def test_a_message_has_title_text_facts_button_link_and_reason() -> None:
    body = slack.render(CARD)
    check_message(body)
    assert body["text"] == "Interview Scheduled for Priya Raman: An interview has been scheduled."
    header, text, facts, actions, context = body["blocks"]
    assert header["text"]["text"] == CARD.title
    assert text["text"] == {"type": "plain_text", "text": CARD.text, "emoji": False}
    assert facts["fields"][1]["text"] == "*Job*\nR&amp;D &lt;Lead&gt;"
    (button,) = actions["elements"]
    assert (button["text"]["text"], button["url"]) == CARD.button
    assert context["elements"][0]["text"] == (
        f"{CARD.reason} · <https://bellhop.example.com/notifications/5|Read in Bellhop>"
    )


texts = st.text(alphabet=st.sampled_from("ab <>&!@|*_:\n\N{WINKING FACE}"), max_size=400).map(
    lambda text: text * 20
)


@given(title=texts, text=texts, facts=st.lists(st.tuples(texts, texts), max_size=14), reason=texts)
def test_whatever_people_typed_fits_the_limits_and_mentions_no_one(
    title: str, text: str, facts: list[tuple[str, str]], reason: str
) -> None:
    card = replace(CARD, title=title, text=text, facts=tuple(facts), reason=reason)
    check_message(slack.render(card))


def test_a_webhook_gets_the_message(web_server: WebServer) -> None:
    Slack(web_server)
    assert channel(web_server, "").send(message(HOOK)).response == "200 ok"
    (call,) = web_server.calls
    assert call.path == "/services/T1/B1/secret"
    assert "authorization" not in call.headers
    assert json.loads(call.body) == slack.render(CARD)


def test_a_person_is_found_by_email_once_and_gets_a_direct_message(web_server: WebServer) -> None:
    stand_in = Slack(web_server, {"alice@example.test": "U1"})
    opened = channel(web_server)
    receipts = [opened.send(message("alice@example.test")) for _time in range(2)]
    assert stand_in.methods == ["users.lookupByEmail", "chat.postMessage", "chat.postMessage"]
    assert receipts[1].remote_id == "D1/1700000000.000001"
    assert web_server.calls[1].headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize(
    ("address", "is_webhook"),
    [
        (HOOK, True),
        ("https://hooks.slack-gov.com/services/T1/B1/secret", True),
        ("http://hooks.slack.com/services/T1/B1/secret", False),
        ("https://hooks.slack.com.example/services/T1/B1/secret", False),
        ("https://hooks.slack.com:444/services/T1/B1/secret", False),
        ("https://hooks.slack.com/other", False),
    ],
)
def test_webhooks_of_slack_are_told_by_their_host(app: Flask, address: str, is_webhook: bool) -> None:
    assert slack.is_webhook(address) is is_webhook


def test_a_channel_is_addressed_by_its_id(web_server: WebServer) -> None:
    stand_in = Slack(web_server)
    channel(web_server).send(message("C042"))
    assert [key[0] for key in stand_in.messages] == ["C042"]


def test_a_message_replaces_an_earlier_one(web_server: WebServer) -> None:
    stand_in = Slack(web_server)
    first = channel(web_server).send(message("C042"))
    second = channel(web_server).send(message("C042", replaces=first.remote_id))
    assert second.remote_id == first.remote_id
    assert len(stand_in.messages) == 1
    assert stand_in.methods == ["chat.postMessage", "chat.update"]


@pytest.mark.parametrize(
    "word",
    ["message_not_found", "cant_update_message", "edit_window_closed", "channel_not_found", "is_inactive"],
)
def test_a_message_is_posted_anew_where_the_earlier_one_cannot_be_replaced(
    word: str, web_server: WebServer
) -> None:
    stand_in = Slack(web_server)
    stand_in.errors["chat.update"] = word
    assert channel(web_server).send(message("C042", replaces="C042/1.2")).remote_id.startswith("C042/17")
    assert stand_in.methods == ["chat.update", "chat.postMessage"]


@pytest.mark.parametrize(
    ("word", "kind", "suppress", "words"),
    [
        ("channel_not_found", PermanentFailure, True, "does not know this channel"),
        ("not_in_channel", PermanentFailure, True, "invite it there"),
        ("is_archived", PermanentFailure, True, "this channel is archived"),
        ("invalid_auth", PermanentFailure, False, "SLACK_BOT_TOKEN"),
        ("not_authed", PermanentFailure, False, "SLACK_BOT_TOKEN"),
        ("token_revoked", PermanentFailure, False, "SLACK_BOT_TOKEN was revoked"),
        ("token_expired", PermanentFailure, False, "SLACK_BOT_TOKEN has expired"),
        ("account_inactive", PermanentFailure, False, "removed from the workspace"),
        ("missing_scope", PermanentFailure, False, "users:read.email"),
        ("users_not_found", PermanentFailure, False, "no active member"),
        ("user_not_found", PermanentFailure, False, "no active member"),
        ("user_disabled", PermanentFailure, False, "no active member"),
        ("msg_blocks_too_long", PermanentFailure, False, "refuses the message"),
        ("ratelimited", TemporaryFailure, False, "ratelimited"),
        ("rate_limited", TemporaryFailure, False, "rate_limited"),
        ("internal_error", TemporaryFailure, False, "internal_error"),
        ("fatal_error", TemporaryFailure, False, "fatal_error"),
        ("service_unavailable", TemporaryFailure, False, "service_unavailable"),
        ("request_timeout", TemporaryFailure, False, "request_timeout"),
    ],
)
def test_each_error_of_the_web_api_maps_to_a_failure(
    word: str, kind: type[DeliveryError], suppress: bool, words: str, web_server: WebServer
) -> None:
    Slack(web_server).errors["chat.postMessage"] = word
    with pytest.raises(kind, match=words) as caught:
        channel(web_server).send(message("C042"))
    assert getattr(caught.value, "suppress", False) == suppress
    assert caught.value.is_our_fault == (word in slack.TOKEN_PROBLEMS)  # type: ignore[attr-defined]


def test_someone_without_an_account_of_slack_is_not_found(web_server: WebServer) -> None:
    stand_in = Slack(web_server)
    with pytest.raises(PermanentFailure, match="no active member") as caught:
        channel(web_server).send(message("alice@example.test"))
    assert not caught.value.suppress
    stand_in.members["alice@example.test"] = "U1"
    stand_in.errors["chat.postMessage"] = "channel_not_found"
    with pytest.raises(PermanentFailure) as caught:
        channel(web_server).send(message("alice@example.test"))
    assert not caught.value.suppress


@pytest.mark.parametrize(
    ("reply", "kind", "suppress", "words"),
    [
        (Reply(404, b"no_service"), PermanentFailure, True, "was removed in Slack"),
        (Reply(404, b"no_service_id"), PermanentFailure, True, "was removed in Slack"),
        (Reply(404, b"no_team"), PermanentFailure, True, "workspace no longer exists"),
        (Reply(400, b"no_team"), PermanentFailure, True, "workspace no longer exists"),
        *((Reply(status), PermanentFailure, True, "no longer exists") for status in (401, 403, 404, 410)),
        (Reply(404, b"channel_not_found"), PermanentFailure, True, "does not know"),
        (Reply(404, b"<html>"), PermanentFailure, True, "no longer exists"),
        (Reply(403, b"invalid_token"), PermanentFailure, True, "revoked"),
        (Reply(403, b"action_prohibited"), PermanentFailure, True, "does not allow"),
        (Reply(410, b"channel_is_archived"), PermanentFailure, True, "this channel is archived"),
        (Reply(400, b"invalid_blocks"), PermanentFailure, False, "400 invalid_blocks"),
        (Reply(500, b"oops"), TemporaryFailure, False, "500"),
        (Reply(503), TemporaryFailure, False, "503"),
        (Reply(302, headers={"Location": "http://127.0.0.1:1/"}), TemporaryFailure, False, "302"),
        (Reply(raw=b"garbage\r\n\r\n"), TemporaryFailure, False, "No usable response"),
    ],
)
def test_each_response_of_a_webhook_maps_to_a_failure(
    reply: Reply, kind: type[DeliveryError], suppress: bool, words: str, web_server: WebServer
) -> None:
    web_server.usual = reply
    with pytest.raises(kind, match=words) as caught:
        channel(web_server).send(message(HOOK))
    assert getattr(caught.value, "suppress", False) == suppress
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("address", [HOOK, "C042", "alice@example.test"])
@pytest.mark.parametrize("body", [b"", b'{"ok": false, "error": "ratelimited"}'])
def test_a_busy_slack_is_left_alone_for_its_retry_after(
    address: str, body: bytes, web_server: WebServer
) -> None:
    web_server.usual = Reply(429, body, {"Retry-After": "17"})
    with pytest.raises(TemporaryFailure) as caught:
        channel(web_server).send(message(address))
    assert caught.value.retry_after == 17.0


@pytest.mark.parametrize("body", [b"not json", b"[]", b"[" * 9000, b'{"ok": "yes"}'])
def test_an_answer_that_is_not_slacks_is_tried_again(body: bytes, web_server: WebServer) -> None:
    web_server.usual = Reply(200, body)
    with pytest.raises(TemporaryFailure):
        channel(web_server).send(message("C042"))


def test_without_a_token_a_message_waits_for_the_admin(web_server: WebServer) -> None:
    with pytest.raises(TemporaryFailure, match="SLACK_BOT_TOKEN is not set") as caught:
        channel(web_server, "").send(message("C042"))
    assert caught.value.is_our_fault
    assert web_server.calls == []


def test_only_a_stand_in_may_be_on_a_private_address(web_server: WebServer) -> None:
    with pytest.raises(PermanentFailure, match="not a public address"):
        SlackChannel(TOKEN).send(message(web_server.url + "/services/T1/B1/secret"))
    assert web_server.calls == []

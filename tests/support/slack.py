"""A stand-in for Slack on the loopback interface that refuses what Slack would refuse."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

from tests.support.web import Call, Reply, WebServer

TOKEN = "xoxb-test"
LIMITS = {"header": 150, "section": 3000, "field": 2000, "button": 75, "url": 3000, "context": 3000}


def check_message(body: dict[str, Any]) -> None:
    """Assert that Slack would accept a message (docs.slack.dev/reference/block-kit)."""
    assert 0 < len(body["text"]) <= 4000
    assert 0 < len(body["blocks"]) <= 50
    assert len(json.dumps(body["blocks"], ensure_ascii=False)) < 13_000
    assert sum(len(text["text"]) for text in _texts(body["blocks"])) < 10_000
    for block in body["blocks"]:
        match block["type"]:
            case "header":
                assert block["text"]["type"] == "plain_text"
                _check_text(block["text"], LIMITS["header"])
            case "section":
                assert "text" in block or "fields" in block
                if "text" in block:
                    _check_text(block["text"], LIMITS["section"])
                assert 0 < len(block.get("fields", [0])) <= 10
                for field in block.get("fields", []):
                    _check_text(field, LIMITS["field"])
            case "actions":
                assert 0 < len(block["elements"]) <= 25
                for element in block["elements"]:
                    assert element["type"] == "button"
                    assert element["text"]["type"] == "plain_text"
                    _check_text(element["text"], LIMITS["button"])
                    assert len(element["url"]) <= LIMITS["url"]
            case "context":
                assert 0 < len(block["elements"]) <= 10
                for element in block["elements"]:
                    _check_text(element, LIMITS["context"])
            case unknown:
                raise AssertionError(f"{unknown} is not a block that a message may have")


def _texts(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for block in blocks:
        found += [block["text"]] if "text" in block else []
        found += block.get("fields", [])
        for element in block.get("elements", []):
            found.append(element if "type" in element and element["type"] != "button" else element["text"])
    return found


def _check_text(text: dict[str, Any], most: int) -> None:
    assert text["type"] in {"plain_text", "mrkdwn"}
    assert text["text"].strip()
    assert len(text["text"]) <= most
    if text["type"] == "mrkdwn":
        # Every bracket that is not escaped begins or ends a link to the web.
        assert text["text"].count("<") == text["text"].count("<http")
        assert "<!" not in text["text"]


class Slack:
    """Slack's Web API and its incoming webhooks, with members by email address.

    `errors` are given once each, by method.
    """

    def __init__(self, server: WebServer, members: dict[str, str] | None = None) -> None:
        self.server = server
        self.members = members or {}
        self.errors: dict[str, str] = {}
        self.messages: dict[tuple[str, str], dict[str, Any]] = {}
        server.respond = self._respond

    @property
    def methods(self) -> list[str]:
        return [call.path.removeprefix("/api/") for call in self.server.calls]

    def _respond(self, call: Call) -> Reply:
        if not call.path.startswith("/api/"):
            check_message(json.loads(call.body))
            return Reply(200, b"ok")
        method = call.path.removeprefix("/api/")
        if error := self.errors.pop(method, ""):
            return _answer({"ok": False, "error": error})
        if call.headers.get("authorization") != f"Bearer {TOKEN}":
            return _answer({"ok": False, "error": "invalid_auth"})
        return _answer(getattr(self, "_" + method.replace(".", "_").lower())(call))

    def _users_lookupbyemail(self, call: Call) -> dict[str, Any]:
        assert call.headers["content-type"] == "application/x-www-form-urlencoded"
        (email,) = parse_qs(call.body.decode())["email"]
        if email not in self.members:
            return {"ok": False, "error": "users_not_found"}
        return {"ok": True, "user": {"id": self.members[email]}}

    def _chat_postmessage(self, call: Call) -> dict[str, Any]:
        body = json.loads(call.body)
        check_message(body)
        # A message to a person is posted to the channel of the conversation.
        channel = body["channel"].replace("U", "D", 1)
        ts = f"1700000000.{len(self.messages):06}"
        self.messages[channel, ts] = body
        return {"ok": True, "channel": channel, "ts": ts, "message": {"text": body["text"]}}

    def _chat_update(self, call: Call) -> dict[str, Any]:
        body = json.loads(call.body)
        check_message(body)
        key = body["channel"], body["ts"]
        if key not in self.messages:
            return {"ok": False, "error": "message_not_found"}
        self.messages[key] = body
        return {"ok": True, "channel": key[0], "ts": key[1]}

    def _auth_test(self, _call: Call) -> dict[str, Any]:
        return {"ok": True, "user": "bellhop", "team": "Alder Robotics"}


def _answer(body: dict[str, Any]) -> Reply:
    return Reply(200, json.dumps(body).encode(), {"Content-Type": "application/json"})

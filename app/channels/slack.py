"""Slack: incoming webhooks, and direct messages and channels of a bot (https://docs.slack.dev)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import current_app

from app.channels import safe_http
from app.channels.base import Card, Channel, Message, PermanentFailure, Receipt, TemporaryFailure
from app.channels.public_addresses import is_public
from app.channels.short_texts import shorten

API_URL = "https://slack.com"
# Hosts of incoming webhooks.
WEBHOOK_HOSTS = frozenset({"hooks.slack.com", "hooks.slack-gov.com"})
# The most characters of each part of a message, and of all facts: Slack refuses blocks that are too long together, near
# 13,000. Escaped, a character takes up to five.
MAX_FALLBACK, MAX_TITLE, MAX_TEXT, MAX_LABEL, MAX_URL = 800, 150, 3000, 75, 3000
MAX_FACTS, MAX_FACT_LABEL, MAX_FACT, MAX_ALL_FACTS = 10, 40, 300, 5000
# Answers after which an address never works again, and what to do. A webhook answers with the word alone.
GONE: dict[str, str] = {
    "channel_not_found": "Slack does not know this channel, or the bot is not in it",
    "not_in_channel": "the bot is not in this channel: invite it there",
    "is_archived": "this channel is archived",
    "channel_is_archived": "this channel is archived",
    "no_service": "this webhook was removed in Slack",
    "no_service_id": "this webhook was removed in Slack",
    "no_team": "this workspace no longer exists",
    "invalid_token": "this webhook was revoked",
    "action_prohibited": "an admin of the workspace does not allow this webhook",
}
# Answers that blame the bot's token, whatever it sends.
TOKEN_PROBLEMS: dict[str, str] = {
    "invalid_auth": "Slack does not accept SLACK_BOT_TOKEN",
    "not_authed": "Slack does not accept SLACK_BOT_TOKEN",
    "account_inactive": "the bot was removed from the workspace",
    "token_revoked": "SLACK_BOT_TOKEN was revoked",
    "token_expired": "SLACK_BOT_TOKEN has expired",
    "missing_scope": "the bot lacks a scope: it needs chat:write and users:read.email",
}
NO_MEMBER = frozenset({"users_not_found", "user_not_found", "user_disabled"})
# Answers to an update after which a new message is posted instead.
CANNOT_UPDATE = frozenset(
    {"message_not_found", "cant_update_message", "edit_window_closed", "channel_not_found", "is_inactive"}
)
TEMPORARY = frozenset(
    {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
)
BUSY_SECONDS = 30.0


def connect() -> Channel:
    """Open the Slack channel with the configured bot."""
    return SlackChannel(current_app.config["SLACK_BOT_TOKEN"], current_app.config["SLACK_BASE_URL"])


def has_bot() -> bool:
    """Whether a bot is configured, so that people can get direct messages."""
    return bool(current_app.config["SLACK_BOT_TOKEN"])


def is_channel_id(address: str) -> bool:
    """Whether an address is the id of a channel, to which only a bot can post."""
    return re.fullmatch(r"[CG][A-Z0-9]{2,30}", address) is not None


def is_webhook(address: str) -> bool:
    """Whether an address is an incoming webhook of Slack or of the stand-in."""
    try:
        parts = safe_http.parse_url(address)
    except ValueError:
        return False
    stand_in = current_app.config["SLACK_BASE_URL"]
    if stand_in and address.startswith(f"{stand_in}/"):
        return True
    return parts.scheme == "https" and parts.netloc in WEBHOOK_HOSTS and parts.path.startswith("/services/")


def check_bot() -> str:
    """Return the names of the configured bot and its workspace. Raises DeliveryError."""
    return SlackChannel(current_app.config["SLACK_BOT_TOKEN"], current_app.config["SLACK_BASE_URL"]).check()


class SlackChannel:
    """Posts to an incoming webhook, a channel's id, or the person with an email address.

    Args:
        token: the bot's; "" if there is none.
        base_url: a stand-in that gets every call, which may be on a private address; "" for Slack itself.
    """

    def __init__(
        self,
        token: str,
        base_url: str = "",
        may_reach: Callable[[safe_http.IPAddress], bool] = is_public,
    ) -> None:
        self.token = token
        self.base_url = base_url
        # An admin chose the stand-in.
        self.may_reach = (lambda _address: True) if base_url else may_reach
        self.members: dict[str, str] = {}

    def send(self, message: Message) -> Receipt:
        """Post or replace a message. Raises PermanentFailure (`suppress` if the address is gone), TemporaryFailure."""
        if message.card is None:
            raise PermanentFailure("There is nothing to send to Slack")
        body = render(message.card)
        if "://" in message.address:
            return self._post_to_webhook(message.address, body)
        if not self.token:
            raise TemporaryFailure("SLACK_BOT_TOKEN is not set", is_our_fault=True)
        if message.replaces and (receipt := self._update(message.replaces, body)):
            return receipt
        is_person = "@" in message.address
        channel = self._find_member(message.address) if is_person else message.address
        try:
            return self._call("chat.postMessage", {"channel": channel, **body})
        except SlackRefusal as error:
            # An email address outlives an account of Slack.
            error.suppress = error.suppress and not is_person
            raise

    def check(self) -> str:
        """Return the name of the bot and its workspace. Raises as `send`."""
        found = self._request("auth.test", b"", "application/x-www-form-urlencoded")
        return f"{found.get('user', '')}, {found.get('team', '')}"

    def close(self) -> None:
        """Do nothing: each message has a connection of its own."""

    def _post_to_webhook(self, url: str, body: dict[str, Any]) -> Receipt:
        if self.base_url:
            url = self.base_url + urlsplit(url).path
        response = safe_http.post(
            url, json.dumps(body).encode(), {"Content-Type": "application/json"}, may_reach=self.may_reach
        )
        if response.is_ok:
            return Receipt(response.summary())
        word = response.text.strip()
        if response.status in {401, 403, 404, 410} or word in GONE:
            raise PermanentFailure(
                f"{response.status} {word[:40]}: {GONE.get(word, 'this webhook no longer exists')}",
                suppress=True,
            )
        raise _failure(response)

    def _update(self, remote_id: str, body: dict[str, Any]) -> Receipt | None:
        """Replace a message; None if Slack does not have it any more."""
        channel, _slash, ts = remote_id.partition("/")
        try:
            return self._call("chat.update", {"channel": channel, "ts": ts, **body})
        except SlackRefusal as error:
            if error.word in CANNOT_UPDATE:
                return None
            raise

    def _find_member(self, email: str) -> str:
        if email not in self.members:
            form = urlencode({"email": email}).encode()
            found = self._request("users.lookupByEmail", form, "application/x-www-form-urlencoded")
            self.members[email] = str((found.get("user") or {}).get("id", ""))
        return self.members[email]

    def _call(self, method: str, body: dict[str, Any]) -> Receipt:
        found = self._request(method, json.dumps(body).encode(), "application/json; charset=utf-8")
        channel, ts = str(found.get("channel", "")), str(found.get("ts", ""))
        return Receipt(f"200 {method} {channel} {ts}", remote_id=f"{channel}/{ts}" if channel and ts else "")

    def _request(self, method: str, body: bytes, content_type: str) -> dict[str, Any]:
        headers = {"Content-Type": content_type, "Authorization": f"Bearer {self.token}"}
        url = f"{self.base_url or API_URL}/api/{method}"
        response = safe_http.post(url, body, headers, may_reach=self.may_reach)
        found = _json(response)
        if response.is_ok and found.get("ok") is True:
            return found
        word = str(found.get("error") or "")
        if not response.is_ok and not word:
            raise _failure(response)
        raise _refusal(word, response)


class SlackRefusal(PermanentFailure):
    """Slack's Web API refuses a call for good. `word` is its code for the reason."""

    def __init__(self, text: str, word: str, *, suppress: bool = False, is_our_fault: bool = False) -> None:
        super().__init__(text, suppress=suppress, is_our_fault=is_our_fault)
        self.word = word


def _refusal(word: str, response: safe_http.HttpResponse) -> PermanentFailure | TemporaryFailure:
    """Map an error of the Web API, which comes with status 200, to a failure."""
    if word in TEMPORARY or response.status == 429:
        wait = response.retry_after() or (BUSY_SECONDS if "rate" in word else None)
        return TemporaryFailure(word or response.summary(), retry_after=wait)
    if word in TOKEN_PROBLEMS:
        return SlackRefusal(f"{word}: {TOKEN_PROBLEMS[word]}", word, is_our_fault=True)
    if word in NO_MEMBER:
        return SlackRefusal(f"{word}: Slack has no active member with this email address", word)
    if word in GONE:
        return SlackRefusal(f"{word}: {GONE[word]}", word, suppress=True)
    if not word:
        return TemporaryFailure(f"Not an answer of Slack: {response.summary()}")
    return SlackRefusal(f"Slack refuses the message: {word[:100]}", word)


def _failure(response: safe_http.HttpResponse) -> PermanentFailure | TemporaryFailure:
    """Map an HTTP error without a known word to a failure."""
    if response.status == 429 or response.status >= 500 or 300 <= response.status < 400:
        return TemporaryFailure(response.summary(), retry_after=response.retry_after())
    return PermanentFailure(response.summary())


def _json(response: safe_http.HttpResponse) -> dict[str, Any]:
    try:
        found = json.loads(response.text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


# The look of a message.


def render(card: Card) -> dict[str, Any]:
    """Render a card as Block Kit, within Slack's limits."""
    blocks: list[dict[str, Any]] = [{"type": "header", "text": _plain(card.title, MAX_TITLE)}]
    if card.text:
        blocks.append({"type": "section", "text": _plain(card.text, MAX_TEXT)})
    if fields := _fields(card):
        blocks.append({"type": "section", "fields": fields})
    if card.button and len(card.button[1]) <= MAX_URL:
        blocks.append({"type": "actions", "elements": [_button(*card.button)]})
    if card.reason or card.links:
        blocks.append({"type": "context", "elements": [_mrkdwn(_footer(card))]})
    # Read by screen readers and shown in the device's own notification.
    fallback = f"{card.title}: {card.text}" if card.text else card.title
    return {
        "text": _escape(shorten(fallback, MAX_FALLBACK)),
        "blocks": blocks,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _plain(text: str, most: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": shorten(text, most), "emoji": False}


def _mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _fields(card: Card) -> list[dict[str, Any]]:
    fields, left = [], MAX_ALL_FACTS
    for label, value in card.facts[:MAX_FACTS]:
        text = f"*{_escape(shorten(label, MAX_FACT_LABEL))}*\n{_escape(shorten(value, MAX_FACT))}"
        left -= len(text)
        if left >= 0:
            fields.append(_mrkdwn(text))
    return fields


def _button(label: str, url: str) -> dict[str, Any]:
    return {"type": "button", "text": _plain(label, MAX_LABEL), "url": url, "style": "primary"}


def _footer(card: Card) -> str:
    links = [f"<{_escape(url).replace('|', '%7C')}|{_escape(label)}>" for label, url in card.links]
    reason = [_escape(shorten(card.reason, MAX_FACT))] if card.reason else []
    return " · ".join([*reason, *links])


def _escape(text: str) -> str:
    """Escape what would be a link or a mention."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

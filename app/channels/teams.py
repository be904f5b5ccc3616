"""Microsoft Teams: the webhook of a Workflows flow, which posts an adaptive card (https://adaptivecards.io)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from app.channels import safe_http
from app.channels.base import Card, Channel, Message, PermanentFailure, Receipt, TemporaryFailure
from app.channels.public_addresses import is_public
from app.channels.short_texts import shorten

CARD_TYPE = "application/vnd.microsoft.card.adaptive"
# Characters of each part. Teams refuses messages of more than 28 KB, some flows from 21 KB on; escaped as JSON, a
# character takes up to twelve bytes.
MAX_TITLE, MAX_TEXT, MAX_FACTS, MAX_LABEL, MAX_FACT, MAX_URL = 200, 2000, 10, 40, 300, 2000
MAX_LINKS, MAX_BYTES = 5, 20_000
# The flow was deleted or turned off, or its owner has left.
GONE = frozenset({401, 403, 404, 410})
# Characters that TextBlocks read as Markdown, and what keeps them from it (U+034F, which nothing shows).
MARKDOWN, JOINER = "*_[]`#~", "\N{COMBINING GRAPHEME JOINER}"


def connect() -> Channel:
    """Open the Teams channel, which calls public addresses only."""
    return TeamsChannel()


class TeamsChannel:
    """Posts a card to a message's address."""

    def __init__(self, may_reach: Callable[[safe_http.IPAddress], bool] = is_public) -> None:
        self.may_reach = may_reach

    def send(self, message: Message) -> Receipt:
        """Post a message; a flow that accepts it posts it later.

        Raises:
            PermanentFailure: `suppress` if the flow is gone.
            TemporaryFailure: any other failure.
        """
        if message.card is None:
            raise PermanentFailure("There is nothing to send to Teams")
        headers = {"Content-Type": "application/json"}
        response = safe_http.post(message.address, render(message.card), headers, may_reach=self.may_reach)
        if response.is_ok:
            return Receipt(response.summary())
        if response.status in GONE:
            raise PermanentFailure(
                f"{response.status}: the flow was deleted or turned off, or its owner has left", suppress=True
            )
        if response.status in {400, 413}:
            raise PermanentFailure(response.summary())
        raise TemporaryFailure(response.summary(), retry_after=response.retry_after())

    def close(self) -> None:
        """Do nothing: each message has a connection of its own."""


def render(card: Card) -> bytes:
    """Render a card as the body of a call, within the limits of Teams."""
    body = _encode(card, MAX_TEXT, MAX_FACT)
    return body if len(body) <= MAX_BYTES else _encode(card, MAX_TEXT // 10, MAX_FACT // 10)


def _encode(card: Card, most: int, most_of_fact: int) -> bytes:
    content = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": _body(card, most, most_of_fact),
        "actions": _actions(card),
        "msteams": {"width": "Full"},
    }
    attachment = {"contentType": CARD_TYPE, "contentUrl": None, "content": content}
    return json.dumps({"type": "message", "attachments": [attachment]}).encode()


def _body(card: Card, most: int, most_of_fact: int) -> list[dict[str, Any]]:
    title = _text(shorten(card.title, MAX_TITLE), weight="bolder", size="medium", style="heading")
    blocks = [title]
    if card.text:
        blocks.append(_text(shorten(card.text, most)))
    facts = [
        {"title": shorten(label, MAX_LABEL), "value": _plain(shorten(value, most_of_fact))}
        for label, value in card.facts[:MAX_FACTS]
    ]
    if facts:
        blocks.append({"type": "FactSet", "facts": facts})
    if card.reason:
        blocks.append(_text(shorten(card.reason, most_of_fact), size="small", isSubtle=True))
    return blocks


def _actions(card: Card) -> list[dict[str, Any]]:
    """Links only: a card from a webhook cannot submit anything."""
    links = [card.button] if card.button else []
    return [
        {"type": "Action.OpenUrl", "title": shorten(label, MAX_LABEL), "url": url}
        for label, url in [*links, *card.links][:MAX_LINKS]
        if len(url) <= MAX_URL
    ]


def _text(text: str, **look: Any) -> dict[str, Any]:
    return {"type": "TextBlock", "text": _plain(text), "wrap": True, **look}


def _plain(text: str) -> str:
    """Escape what Teams would read as Markdown."""
    return "".join(JOINER + letter if letter in MARKDOWN else letter for letter in text)

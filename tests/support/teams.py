"""What Microsoft Teams accepts from a Workflows webhook."""

from __future__ import annotations

import json
from typing import Any

TEXT_BLOCK = {"type", "text", "wrap", "weight", "size", "style", "isSubtle"}


def check_message(body: bytes) -> dict[str, Any]:
    """Assert that Teams would post a message, and return its card (Adaptive Cards 1.4)."""
    assert len(body) <= 21_000
    message = json.loads(body)
    assert message["type"] == "message"
    (attachment,) = message["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    for block in card["body"]:
        if block["type"] == "FactSet":
            assert block["facts"]
            assert all(fact.keys() == {"title", "value"} and all(fact.values()) for fact in block["facts"])
        else:
            assert block["type"] == "TextBlock"
            assert block.keys() <= TEXT_BLOCK
            assert block["text"].strip()
            assert block["wrap"] is True
    for action in card["actions"]:
        # Nothing else works from a webhook.
        assert action["type"] == "Action.OpenUrl"
        assert action["url"].startswith(("https://", "http://"))
    return card  # type: ignore[no-any-return]

"""Cuts texts to what a chat accepts."""

from __future__ import annotations

ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


def shorten(text: str, most: int) -> str:
    """Cut a text to a number of characters; a text without letters becomes an ellipsis, because chats refuse it."""
    text = text.strip() or ELLIPSIS
    return text if len(text) <= most else text[: most - 1].rstrip() + ELLIPSIS

"""The preferences form, read into the nested fields of the JSON API. Field names have dots for nesting."""

from __future__ import annotations

import json
import re
from typing import Any

from werkzeug.datastructures import MultiDict

from app.services.preferences import fields

TEXTS = fields.names_with_control("text")
CLOCKS = ("quiet_hours.start", "quiet_hours.end")
# 19:30, 19.30, 1930, 7, and 7:30 pm.
_CLOCK = re.compile(r"(\d{1,2})(?:[:.h]?(\d{2}))?(?::00)?\s*(?:([ap])\.?m\.?)?", re.ASCII | re.IGNORECASE)
NUMBERS = fields.names_with_control("number")
SETS = (*fields.names_with_control("numbers"), "quiet_hours.days")


def read(form: MultiDict[str, str]) -> dict[str, Any]:
    """Read the fields that the form contains. The service validates them.

    Browsers do not send unticked boxes, so the form lists its boxes in `shown`. A box that cannot be changed, because
    it is required or another switch is off, is not among them.
    """
    found: dict[str, Any] = {name: form[name] for name in TEXTS if name in form}
    found |= {name: parse_clock(form[name]) for name in CLOCKS if name in form}
    found |= {name: _number(form[name]) for name in NUMBERS if name in form}
    for name in form.getlist("shown"):
        found[name] = [_number(text) for text in form.getlist(name)] if name in SETS else name in form
    return _nested(found)


def parse_clock(text: str) -> str:
    """Write a time of day as people type it, in 24 or 12 hours, as `19:30`. Other texts are returned as they are."""
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        return text
    hour, minute, half = int(match[1]), match[2] or "00", (match[3] or "").lower()
    if half:
        if not 1 <= hour <= 12:
            return text
        hour = hour % 12 + (12 if half == "p" else 0)
    return f"{hour:02}:{minute}"


def read_undo(form: MultiDict[str, str]) -> dict[str, Any]:
    """Read the values before a change, which the page with the undo button contains."""
    try:
        values = json.loads(form.get("values", ""))
    except (ValueError, RecursionError):  # The second: nested thousands deep.
        return {}
    return values if isinstance(values, dict) else {}


def _number(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text


def _nested(flat: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in flat.items():
        *path, last = name.split(".", 2)
        inner = found
        for step in path:
            inner = inner.setdefault(step, {})
        inner[last] = value
    return found

"""The preferences form, read into the nested fields of the JSON API. Field names have dots for nesting."""

from __future__ import annotations

import json
from typing import Any

from werkzeug.datastructures import MultiDict

TEXTS = ("time_zone", "theme", "density")
NUMBERS = ("digest_hour", "email_delay_minutes")
SETS = ("quiet_hours.days", "reminder_lead_minutes")
CLOCKS = ("quiet_hours.start", "quiet_hours.end")


def read(form: MultiDict[str, str]) -> dict[str, Any]:
    """Read the fields that the form contains. The service validates them.

    Browsers do not send unticked boxes, so the form lists its boxes in `shown`. A box that cannot be changed, because
    it is required or another switch is off, is not among them.
    """
    found: dict[str, Any] = {name: form[name] for name in (*TEXTS, *CLOCKS) if name in form}
    found |= {name: _number(form[name]) for name in NUMBERS if name in form}
    for name in form.getlist("shown"):
        found[name] = [_number(text) for text in form.getlist(name)] if name in SETS else name in form
    return _nested(found)


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

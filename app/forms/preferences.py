"""What the preferences form sends, as the service takes it: named as in JSON, with dots for what is nested."""

from __future__ import annotations

import json
from typing import Any

from werkzeug.datastructures import MultiDict

TEXTS = ("time_zone", "theme", "density")
NUMBERS = ("digest_hour", "email_delay_minutes")
SETS = ("quiet_hours.days", "reminder_lead_minutes")
CLOCKS = ("quiet_hours.start", "quiet_hours.end")


def read(form: MultiDict[str, str]) -> dict[str, Any]:
    """The fields that the form had; whether they can be used is the service's to say.

    A box that is not ticked is not sent: the form lists those that it had as `shown`. What is on the page but
    cannot be changed there, because it is locked or waits for another switch, is in neither.
    """
    found: dict[str, Any] = {name: form[name] for name in (*TEXTS, *CLOCKS) if name in form}
    found |= {name: _number(form[name]) for name in NUMBERS if name in form}
    for name in form.getlist("shown"):
        found[name] = [_number(text) for text in form.getlist(name)] if name in SETS else name in form
    return _nested(found)


def read_undo(form: MultiDict[str, str]) -> dict[str, Any]:
    """The fields as they were before a change, as the page that told of it gave them away."""
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

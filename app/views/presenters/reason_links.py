"""Where a person can change what decided about a delivery."""

from __future__ import annotations

from flask import url_for

# The section of the preferences for each reason; a category's own row where it is None.
SECTIONS: dict[str, str | None] = {
    "category_off": None,
    "matrix_off": None,
    "channel_off": "channels",
    "unread_wait": "channels",
    "quiet_hours": "quiet",
    "paused": "pause",
    "in_digest": "digest",
    "digested": "digest",
    "candidate_muted": "follows",
    "job_muted": "follows",
    "type_muted": "follows",
}


def change_url(reason: str, category: str) -> str:
    """Return the place on the reader's own pages where the reason of a delivery can be changed; "" if there is none."""
    if reason == "no_address":
        return url_for("devices.show")
    if reason not in SECTIONS:
        return ""
    return url_for("preferences.show", _anchor=SECTIONS[reason] or category)

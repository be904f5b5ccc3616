"""Translate pydantic's validation errors, which come in English only, to the caller's language."""

from __future__ import annotations

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from pydantic_core import ErrorDetails

# Keyed by pydantic's error types; %(name)s is replaced from the error's context.
MESSAGES: dict[str, LazyString] = {
    "missing": _l("This field is required."),
    "extra_forbidden": _l("This field does not exist."),
    "bool_type": _l("Must be true or false."),
    "int_type": _l("Must be a whole number."),
    "string_type": _l("Must be a string."),
    "list_type": _l("Must be a list."),
    "dict_type": _l("Must be an object."),
    "model_type": _l("Must be an object."),
    "greater_than_equal": _l("Must be at least %(ge)s."),
    "less_than_equal": _l("Must be at most %(le)s."),
    "string_too_short": _l("Must have at least %(min_length)s characters."),
    "string_too_long": _l("Must have at most %(max_length)s characters."),
    "too_short": _l("Must have at least %(min_length)s entries."),
    "too_long": _l("Must have at most %(max_length)s entries."),
    "literal_error": _l("Must be one of %(expected)s."),
}
# For a minimum of one: "at least 1 characters" is not English.
NOT_EMPTY = {"string_too_short", "too_short"}


def message(error: ErrorDetails) -> str:
    """Describe one pydantic error in a sentence."""
    values = error.get("ctx", {})
    if error["type"] == "value_error":
        return str(values["error"])  # Raised by our own validators, already translated.
    if error["type"] in NOT_EMPTY and values["min_length"] == 1:
        return _("Must not be empty.")
    if error["type"] == "literal_error":
        values = {"expected": values["expected"].replace(" or ", ", ")}
    if known := MESSAGES.get(error["type"]):
        return str(known) % values
    return _("This value is not valid.")

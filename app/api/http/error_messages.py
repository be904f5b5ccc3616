"""What is wrong with a value, said in the caller's language: pydantic has only English words for it."""

from __future__ import annotations

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from pydantic_core import ErrorDetails

# Keyed by pydantic's error types; %(name)s are values of its context.
MESSAGES: dict[str, LazyString] = {
    "missing": _l("This field is missing."),
    "extra_forbidden": _l("There is no such field."),
    "bool_type": _l("Write true or false."),
    "int_type": _l("Write a whole number."),
    "string_type": _l("Write a text."),
    "list_type": _l("Write a list."),
    "dict_type": _l("Write an object."),
    "model_type": _l("Write an object."),
    "greater_than_equal": _l("Write a number of at least %(ge)s."),
    "less_than_equal": _l("Write a number of at most %(le)s."),
    "string_too_short": _l("Too short: write at least %(min_length)s characters."),
    "string_too_long": _l("Too long: write at most %(max_length)s characters."),
    "too_short": _l("Too few entries: write at least %(min_length)s."),
    "too_long": _l("Too many entries: write at most %(max_length)s."),
    "string_pattern_mismatch": _l("This is not written as %(pattern)s."),
    "literal_error": _l("Write one of %(expected)s."),
}


def message(error: ErrorDetails) -> str:
    """One error of pydantic's as a sentence for a person."""
    values = error.get("ctx", {})
    if error["type"] == "value_error":
        return str(values["error"])  # A check of ours has found the words.
    if error["type"] == "literal_error":
        values = {"expected": values["expected"].replace(" or ", ", ")}
    if known := MESSAGES.get(error["type"]):
        return str(known) % values
    return _("This value cannot be used.")

"""What comes in: JSON and query parameters, decoded strictly, in this one place.

APIFlask describes the calls; its own decoder is left aside, for it takes any content type, NaN and lone surrogates.
"""

from __future__ import annotations

import json
import math
import re
import threading
from collections.abc import Callable
from contextlib import nullcontext
from functools import wraps
from typing import Any, NoReturn, TypeVar, get_origin

from flask import request
from flask_babel import gettext as _
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType

from app.api.http.error_messages import message
from app.api.http.problems import Unprocessable, error_in_body, error_in_query

MAX_DEPTH = 32
# Two megabytes hold a million small values, and in Python each takes fifty times its place. Counted are the signs in
# front of values; a batch of 1,000 events has some 20,000 of them.
STRUCTURE, MOST_VALUES, MOST_NAMES = (b",", b"[", b"{"), 50_000, 1_000
# Whoever made more mistakes than these made one of another kind.
MOST_ERRORS = 100
LARGE, _LARGE = 100_000, threading.Lock()
_UNKEEPABLE = re.compile(r"[\x00\ud800-\udfff]")

View = Callable[..., Any]
Model = TypeVar("Model", bound=BaseModel)


class UnstorableText(BadRequest):
    """A text, somewhere in the body, that no database keeps; `path` leads to its field."""

    def __init__(self, path: list[str]) -> None:
        field = ".".join(path) or "#"
        super().__init__(
            _("The body has a NUL or half a character in it, in the field “%(field)s”.", field=field)
        )
        self.path = path


def json_body(
    schema: type[BaseModel],
    *,
    media_types: tuple[str, ...] = ("application/json",),
    whole: Callable[[Any], Any] = lambda value: value,
    instead: Callable[[], bytes] = bytes,
    is_batch: bool = False,
) -> Callable[[View], View]:
    """Decorate a view that takes a JSON body: it gets an instance of `schema` as `body`.

    Args:
        schema: the pydantic model of the body.
        media_types: what the body may call itself; anything else is answered with 415.
        whole: makes what the schema expects of the decoded body, where part of it came in header fields.
        instead: gives what an empty body stands for.
        is_batch: leave it to the view to judge what is in the body, entry by entry, with `refuse_unkeepable`.
    """

    def decorate(view: View) -> View:
        def read(raw: bytes) -> Any:
            value = decode(raw or instead())
            if not is_batch:
                refuse_unstorable(value)
            return whole(value)

        # What APIFlask's own `input` notes down for the OpenAPI document.
        vars(view).setdefault("_spec", {}).update(
            body=schema, body_example=None, body_examples=None, content_type=list(media_types)
        )

        @wraps(view)
        def with_body(*args: Any, **kwargs: Any) -> Any:
            return view(*args, body=_body(schema, media_types, read), **kwargs)

        return with_body

    return decorate


def query_params(schema: type[BaseModel]) -> Callable[[View], View]:
    """Decorate a view that takes query parameters: it gets an instance of `schema` as `query`.

    A field that is a list may be repeated or separated by commas; any other may stand once.
    """
    lists = {
        name for name, field in schema.model_fields.items() if get_origin(field.annotation) in {list, tuple}
    }

    def decorate(view: View) -> View:
        vars(view).setdefault("_spec", {}).setdefault("args", []).append((schema, "query"))

        @wraps(view)
        def with_query(*args: Any, **kwargs: Any) -> Any:
            return view(*args, query=_query(schema, lists), **kwargs)

        return with_query

    return decorate


def decode(raw: bytes) -> Any:
    """JSON as RFC 8259 has it.

    Raises:
        BadRequest: no UTF-8, no JSON, NaN or a number too large to be one, or too many values.
    """
    if sum(map(raw.count, STRUCTURE)) > MOST_VALUES:
        raise BadRequest(_("The body has too many values."))
    try:
        return json.loads(raw.decode(), parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        if isinstance(error, json.JSONDecodeError):
            place = {"line": error.lineno, "column": error.colno}
            raise BadRequest(_("This is not JSON (line %(line)s, column %(column)s).", **place)) from error
        raise BadRequest(_("This is not JSON.")) from error


def _body(schema: type[BaseModel], media_types: tuple[str, ...], read: Callable[[bytes], Any]) -> BaseModel:
    if request.mimetype not in media_types or request.content_encoding:
        names = {"names": " / ".join(media_types)}
        raise UnsupportedMediaType(_("Send the body as Content-Type: %(names)s, not compressed.", **names))
    raw = _raw()
    # Threads would not read several large ones any faster, and each takes its memory.
    with _LARGE if len(raw) > LARGE else nullcontext():
        return validate(schema, read(raw))


def validate(schema: type[Model], value: Any) -> Model:
    """A decoded body as an instance of its schema. Raises Unprocessable, naming each bad field."""
    try:
        return schema.model_validate(value)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        some = found[:MOST_ERRORS]
        raise Unprocessable(error_in_body(_path(each), message(each)) for each in some) from error


def _raw() -> bytes:
    raw = request.get_data()
    # Werkzeug cuts a chunked body off at the limit without a word; what is left must not pass for the whole.
    if request.content_length is None and len(raw) >= (request.max_content_length or math.inf):
        raise RequestEntityTooLarge
    return raw


def _query(schema: type[BaseModel], lists: set[str]) -> BaseModel:
    given: dict[str, Any] = {}
    for name, texts in request.args.lists():
        if name not in lists and len(texts) > 1:
            raise Unprocessable([error_in_query(name, _("This parameter may stand only once."))])
        given[name] = [part for text in texts for part in text.split(",")] if name in lists else texts[0]
    try:
        return schema.model_validate(given)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        raise Unprocessable(error_in_query(str(each["loc"][0]), message(each)) for each in found) from error


def _path(error: ErrorDetails) -> list[str | int]:
    # Of a key that cannot be, pydantic says "[key]" behind its name; a JSON Pointer ends with the name.
    return [step for step in error["loc"] if step != "[key]"]


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def refuse_unstorable(value: Any) -> None:
    """Refuse what RFC 7493 leaves out or no database keeps: NUL, a lone surrogate, too many names, nested too deep.

    Raises:
        BadRequest: there is some of it; Unkeepable where it is a text.
    """
    # Without recursion, level by level: the levels are counted on the way.
    level, levels = [value], 0
    while level:
        levels += 1
        if levels > MAX_DEPTH:
            raise BadRequest(_("The body is nested too deep."))
        if any(isinstance(each, dict) and len(each) > MOST_NAMES for each in level):
            raise BadRequest(_("The body has an object with too many names."))
        if any(isinstance(each, str) and _UNKEEPABLE.search(each) for each in level):
            raise UnstorableText(_bad_path(value))
        level = [inner for outer in level for inner in _values_inside(outer)]


def _values_inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list) else []


def _bad_path(body: Any) -> list[str]:
    """Where the field at fault is, as far down as `data.candidate_name`; a name that is itself bad is not said."""
    names: list[str] = []
    while isinstance(body, dict) and len(names) < 2:
        bad = next((name for name, inner in body.items() if _has_unstorable(inner)), None)
        if bad is None or _UNKEEPABLE.search(bad):
            break
        names.append(bad)
        body = body[bad]
    return names


def _has_unstorable(value: Any) -> bool:
    level = [value]
    while level:
        if any(isinstance(each, str) and _UNKEEPABLE.search(each) for each in level):
            return True
        level = [inner for outer in level for inner in _values_inside(outer)]
    return False

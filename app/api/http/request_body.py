"""Decode JSON bodies and query parameters strictly.

APIFlask only documents the calls. Its own decoder is not used, because it accepts any content type, NaN and unpaired
surrogates.
"""

from __future__ import annotations

import codecs
import json
import math
import re
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from functools import lru_cache, wraps
from typing import Any, NoReturn, TypeVar, get_origin

from apiflask import APIBlueprint
from flask import request
from flask_babel import gettext as _
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType

from app.api.http.error_messages import message
from app.api.http.problems import Unprocessable, error_in_body, error_in_query
from app.rendering.invisible_characters import clean

MAX_DEPTH = 32
# Two megabytes can hold a million small values, each fifty times as large in Python. The characters that precede values
# are counted before decoding; a batch of 1,000 events has about 20,000 of them.
VALUE_MARKERS, MAX_VALUES, MAX_NAMES = (b",", b"[", b"{"), 50_000, 1_000
# More errors than this do not help to correct a body.
MAX_ERRORS = 100
LARGE_BODY_BYTES, _large_body_lock = 100_000, threading.Lock()
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")

View = Callable[..., Any]
Model = TypeVar("Model", bound=BaseModel)


class UnstorableText(BadRequest):
    """The body contains text that a database cannot store; `path` leads to its field."""

    def __init__(self, path: list[str]) -> None:
        field = ".".join(path) or "#"
        super().__init__(
            _("The body contains a NUL or an unpaired surrogate, in the field “%(field)s”.", field=field)
        )
        self.path = path


def json_body(
    schema: type[BaseModel],
    *,
    media_types: tuple[str, ...] = ("application/json",),
    merge_headers: Callable[[Any], Any] | None = None,
    empty_body: Callable[[], bytes] = bytes,
    is_batch: bool = False,
) -> Callable[[View], View]:
    """Decorate a view that takes a JSON body; the view receives an instance of `schema` as `body`.

    Args:
        schema: the pydantic model of the body.
        media_types: the accepted content types; others get a 415.
        merge_headers: adds what came in header fields to the decoded body, before validation.
        empty_body: returns the body to use instead of an empty one.
        is_batch: whether the view checks the entries one by one with `storable`.
    """

    def decorate(view: View) -> View:
        def read(raw: bytes) -> Any:
            value = decode(raw or empty_body())
            if merge_headers:
                value = merge_headers(value)
            return value if is_batch else storable(value)

        # For the OpenAPI document: what APIFlask's own `input` decorator stores.
        vars(view).setdefault("_spec", {}).update(
            body=schema, body_example=None, body_examples=None, content_type=list(media_types)
        )

        @wraps(view)
        def with_body(*args: Any, **kwargs: Any) -> Any:
            return view(*args, body=_parse_body(schema, media_types, read), **kwargs)

        return with_body

    return decorate


def query_params(schema: type[BaseModel]) -> Callable[[View], View]:
    """Decorate a view that takes query parameters; the view receives an instance of `schema` as `query`, to read only.

    A list field may be repeated or comma-separated; any other may be given once.
    """
    lists = {
        name for name, field in schema.model_fields.items() if get_origin(field.annotation) in {list, tuple}
    }

    def decorate(view: View) -> View:
        vars(view).setdefault("_spec", {}).setdefault("args", []).append((schema, "query"))

        # Callers repeat their queries, of which the parameters are a function. An invalid one raises each time.
        @lru_cache(maxsize=256)
        def parse(_query_string: bytes) -> BaseModel:
            return _parse_query(schema, lists)

        @wraps(view)
        def with_query(*args: Any, **kwargs: Any) -> Any:
            return view(*args, query=parse(request.query_string), **kwargs)

        return with_query

    return decorate


def list_call(
    blueprint: APIBlueprint, page: type[BaseModel], query: type[BaseModel]
) -> Callable[[View], View]:
    """Decorate a view that returns a page of a list.

    Args:
        page: the schema of the page.
        query: the schema of the query parameters; the view receives an instance as `query`.
    """

    def decorate(view: View) -> View:
        documented: View = blueprint.output(page)(query_params(query)(view))
        return documented

    return decorate


def decode(raw: bytes) -> Any:
    """Decode JSON as RFC 8259 defines it.

    Raises:
        BadRequest: not UTF-8, not JSON, NaN, a number out of range, a name twice in an object, or too many values.
    """
    if sum(map(raw.count, VALUE_MARKERS)) > MAX_VALUES:
        raise BadRequest(_("The body contains too many values."))
    try:
        return json.loads(
            raw.decode(),
            object_pairs_hook=_unambiguous_object,
            parse_constant=_refuse_constant,
            parse_float=_finite_float,
        )
    except json.JSONDecodeError as error:
        position = {"line": error.lineno, "column": error.colno}
        raise BadRequest(
            _("The body is not valid JSON (line %(line)s, column %(column)s).", **position)
        ) from error
    except UnicodeDecodeError as error:
        raise BadRequest(
            _("The body is not UTF-8, from byte %(number)s on.", number=error.start + 1)
        ) from error
    except RecursionError as error:
        raise BadRequest(_("The body is nested too deeply.")) from error
    except ValueError as error:  # Python refuses to read thousands of digits.
        raise _out_of_range() from error


def validate(schema: type[Model], value: Any) -> Model:
    """Validate a decoded body.

    Raises:
        Unprocessable: names each invalid field.
    """
    try:
        return schema.model_validate(value)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)[:MAX_ERRORS]
        raise Unprocessable(error_in_body(_path(each), message(each)) for each in details) from error


def storable(value: Any) -> Any:
    """Clean the texts of a decoded body, as pasted forms are cleaned.

    Refuses NUL, unpaired surrogates, objects with too many names and too deep nesting (RFC 7493).

    Raises:
        BadRequest: one of these was found; for a text it is an `UnstorableText`.
    """
    # Level by level, not recursive, which also counts the depth.
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise BadRequest(_("The body is nested too deeply."))
        if any(isinstance(each, dict) and len(each) > MAX_NAMES for each in level):
            raise BadRequest(_("The body contains an object with too many names."))
        if any(isinstance(each, str) and _UNSTORABLE.search(each) for each in level):
            raise UnstorableText(_unstorable_path(value))
        level = [inner for outer in level for inner in _children(outer)]
    return _clean(value)


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(name): _clean(inner) for name, inner in value.items()}
    return [_clean(inner) for inner in value] if isinstance(value, list) else value


def _parse_body(
    schema: type[BaseModel], media_types: tuple[str, ...], read: Callable[[bytes], Any]
) -> BaseModel:
    is_compressed = (request.content_encoding or "identity").lower() != "identity"
    if request.mimetype not in media_types or is_compressed:
        names = {"names": " / ".join(media_types)}
        raise UnsupportedMediaType(_("Send the body uncompressed, as Content-Type: %(names)s.", **names))
    raw = _raw_body()
    # Large bodies one at a time: threads would not decode them faster, and each takes memory.
    with _large_body_lock if len(raw) > LARGE_BODY_BYTES else nullcontext():
        return validate(schema, read(raw))


def _raw_body() -> bytes:
    raw = request.get_data()
    # Werkzeug silently truncates a chunked body at the limit.
    if request.content_length is None and len(raw) >= (request.max_content_length or math.inf):
        raise RequestEntityTooLarge
    # Some clients on Windows send it. RFC 8259, 8.1 allows a parser to ignore it.
    return raw.removeprefix(codecs.BOM_UTF8)


def _parse_query(schema: type[BaseModel], lists: set[str]) -> BaseModel:
    given: dict[str, Any] = {}
    for name, texts in request.args.lists():
        if name in lists:
            given[name] = [part for text in texts for part in text.split(",")]
        elif len(texts) > 1:
            raise Unprocessable([error_in_query(name, _("This parameter can be given only once."))])
        else:
            given[name] = texts[0]
    try:
        return schema.model_validate(given)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        raise Unprocessable(error_in_query(str(each["loc"][0]), message(each)) for each in details) from error


def _path(error: ErrorDetails) -> list[str | int]:
    # Pydantic appends "[key]" for an invalid key; a JSON Pointer ends with the key's name.
    return [step for step in error["loc"] if step != "[key]"]


def _unambiguous_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object. Of two values with one name a parser may take either, so none has two (RFC 7493, 2.3)."""
    built = dict(pairs)
    if len(built) < len(pairs):
        names = Counter(name for name, _value in pairs)
        name = _UNSTORABLE.sub("\ufffd", next(name for name in names if names[name] > 1))[:100]
        raise BadRequest(_("The body contains the field “%(name)s” twice in one object.", name=name))
    return built


def _refuse_constant(name: str) -> NoReturn:
    raise BadRequest(_("%(name)s is not JSON. Write null, or leave the field out.", name=name))


def _finite_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _out_of_range()
    return number


def _out_of_range() -> BadRequest:
    return BadRequest(_("The body contains a number that is out of range."))


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list) else []


def _unstorable_path(body: Any) -> list[str]:
    """Locate the unstorable text, at most two names deep; a name that is itself unstorable is left out."""
    names: list[str] = []
    while isinstance(body, dict) and len(names) < 2:
        bad = next((name for name, inner in body.items() if _has_unstorable(inner)), None)
        if bad is None or _UNSTORABLE.search(bad):
            break
        names.append(bad)
        body = body[bad]
    return names


def _has_unstorable(value: Any) -> bool:
    level = [value]
    while level:
        if any(isinstance(each, str) and _UNSTORABLE.search(each) for each in level):
            return True
        level = [inner for outer in level for inner in _children(outer)]
    return False

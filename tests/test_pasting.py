"""Whatever is pasted into any field is kept in one canonical form or refused with a sentence, and never a 500.

The fields find themselves: each string in the body, the query and the event data that the OpenAPI document and the
catalog describe.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from functools import partial
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import catalog
from app.models import User
from app.services.accounts import tokens
from app.services.events import data as event_data
from tests.api.test_foreign_ids import PERSONAL, REPORTED, SHARED
from tests.support import factories
from tests.support.pasting import BROKEN, others, same, unclean_texts

MOMENT = "2030-01-01T10:00:00+01:00"
Call = tuple[str, str, str, Any]


@pytest.fixture
def headers(app: Flask, bob: User, alice: User) -> dict[str, str]:
    app.extensions["api_limits"].calls = 10**6
    return {"Authorization": f"Bearer {tokens.create(bob, 'test', list(tokens.SCOPES))[1]}"}


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Follow the reference of a schema and the first alternative that is not null."""
    while True:
        if "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        elif found := next((each for each in schema.get("anyOf", ()) if each.get("type") != "null"), None):
            schema = found
        elif len(schema.get("allOf", ())) == 1:
            schema = schema["allOf"][0]
        else:
            return schema


def sample_text(schema: dict[str, Any]) -> str:
    known = [*schema.get("enum", ()), *schema.get("examples", ()), schema.get("const", "")]
    given = next((each for each in known if isinstance(each, str) and each), "")
    return given or (MOMENT if schema.get("format") == "date-time" else "Renée")


def texts_of(
    document: dict[str, Any], schema: dict[str, Any], path: tuple[Any, ...] = ()
) -> Iterator[tuple[Any, str]]:
    """Yield the path to each string of a schema, with a value that it takes."""
    schema = resolved(document, schema)
    if schema.get("type") == "string":
        yield path, sample_text(schema)
    elif schema.get("type") == "array":
        yield from texts_of(document, schema.get("items", {}), (*path, 0))
    for name, inner in schema.get("properties", {}).items():
        yield from texts_of(document, inner, (*path, name))


def texts_within(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, str]]:
    """Yield the path to each string of an example."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict | list):
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from texts_within(inner, (*path, name))


def changed(body: Any, path: tuple[Any, ...], text: str) -> Any:
    """Return a copy of a body with another text at a path."""
    body = inner = deepcopy(body)
    for at, step in enumerate(path):
        if at == len(path) - 1:
            following: Any = text
        else:
            following = [] if isinstance(path[at + 1], int) else {}
            if isinstance(inner, dict):
                following = inner.get(step) or following
            elif step < len(inner):
                following = inner[step]
        if isinstance(inner, list):
            inner[step:] = [following]
        else:
            inner[step] = following
        inner = following
    return body


def calls(
    document: dict[str, Any], numbers: dict[str, int | None]
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method, re.sub(r"{(\w+)}", lambda found: str(numbers[found[1]]), path), operation


def bodies(
    document: dict[str, Any], numbers: dict[str, int | None]
) -> Iterator[tuple[Call, list[tuple[Any, str]]]]:
    """Yield every call with a body, and the path and value of each string in it."""
    for method, url, operation in calls(document, numbers):
        if "requestBody" not in operation or url.endswith("/batch/"):
            continue
        media_type, content = next(iter(operation["requestBody"]["content"].items()))
        schema = resolved(document, content["schema"])
        example = schema["examples"][0] if "examples" in schema else {}
        found = dict(texts_within(example)) | {
            path: text for path, text in texts_of(document, schema) if path not in dict(texts_within(example))
        }
        yield (method, url, media_type, example), list(found.items())
    seen: set[Any] = set()
    for name in catalog.EVENTS:
        body = factories.event_body(name, ["alice@example.test"])
        body["data"] = event_data.sample(name) | {
            "recipients": ["alice@example.test"],
            "priority": "high",
            "action_url": "/notifications",
            "metadata": {"job": "Renée"},
        }
        # A field of several events is tried with the first.
        found = {path: text for path, text in texts_within(body) if path not in seen}
        seen |= found.keys()
        yield ("post", "/api/events/", "application/json", body), list(found.items())


def scrubbed(answer: TestResponse) -> tuple[int, Any]:
    """Return what an answer says, without ids, times and secrets."""
    text = re.sub(r'"(token|prefix|secret|previous|next|request_id)": ?("[^"]*"|null)', "", answer.text)
    text = re.sub(r"/sources/[\w-]+", "/sources/", text)
    return answer.status_code, re.sub(r"\d+", "0", text)


def fault(answer: TestResponse, field: str, expected: tuple[int, str] = (0, "")) -> str:
    """Explain what is wrong with the answer to something odd in a field of a call.

    What is wrong with the usual value, too, is not the field's fault: a name that is taken.
    """
    if answer.status_code < 400 or answer.status_code in {404, 409}:
        return ""
    if answer.status_code >= 500 or answer.content_type != "application/problem+json":
        return f"{answer.status_code} {answer.text[:200]}"
    named = [error["field"] for error in answer.json.get("errors", [])] or [answer.json["detail"]]
    is_usual = expected[0] == answer.status_code and all(f'"{each}"' in expected[1] for each in named)
    return "" if is_usual or any(field in each for each in named) else f"{answer.status_code} names {named}"


def faults(
    send: Callable[[str], TestResponse],
    field: str,
    value: str,
    spelling: str,
    odd: Iterable[str],
    summary: Callable[[TestResponse], tuple[int, str]],
    judge: Callable[[TestResponse, str, tuple[int, str]], str],
) -> Iterator[tuple[str, object]]:
    """Yield what was pasted, and how the answer differs from what it should be."""
    expected = summary(send(value)) if spelling else (0, "")
    # The usual value again, because a limit may have been reached.
    if spelling and (found := summary(send(spelling))) not in (expected, summary(send(value))):
        yield ascii(spelling)[:60], (found, expected)
    for text in odd:
        if reason := judge(send(text), field, expected):
            yield ascii(text)[:60], reason


def test_each_string_of_each_body(client: FlaskClient, bob: User, headers: dict[str, str]) -> None:
    document = client.get("/api/openapi.json").json
    numbers = {name: make(bob) for name, make in (PERSONAL | SHARED | REPORTED).items()}
    wrong, count = [], 0
    for (method, url, media_type, example), strings in bodies(document, numbers):
        request = partial(client.open, url, method=method, content_type=media_type, headers=headers)
        request(data=json.dumps(example))
        for path, value in strings:
            count += 1
            field = str(path[0] if path[0] != "data" or len(path) < 2 else path[1])
            # The values of a template's variables are kept with their spaces.
            spelling = same(value, "") if path[0] == "context" else same(value)
            found = faults(
                lambda text, path=path, request=request, example=example: request(
                    data=json.dumps(changed(example, path, text))
                ),
                *(field, value, spelling, [*others(value), *BROKEN], scrubbed, fault),
            )
            wrong += [(method, url, path, *each) for each in found]
        wrong += [(method, url, *each) for each in unclean_texts()]
    assert not wrong, "\n".join(map(str, wrong))
    assert count > 120


def test_each_query_parameter_of_each_call(client: FlaskClient, bob: User, headers: dict[str, str]) -> None:
    document = client.get("/api/openapi.json").json
    numbers = {name: make(bob) for name, make in (PERSONAL | SHARED | REPORTED).items()}
    wrong, count = [], 0
    for _method, url, operation in calls(document, numbers):
        for parameter in operation.get("parameters", ()):
            if parameter["in"] != "query":
                continue
            count += 1
            name, schema = parameter["name"], resolved(document, parameter["schema"])
            schema = resolved(document, schema["items"]) if schema.get("type") == "array" else schema
            simple = {"boolean": "true", "integer": "10"}.get(schema.get("type", ""), sample_text(schema))
            value = "n1" if name == "cursor" else simple
            found = faults(
                lambda text, url=url, name=name: client.get(
                    f"{url}?{name}={quote(text, errors='surrogatepass')}", headers=headers
                ),
                *(name, value, same(value), [*others(value), *BROKEN], scrubbed, fault),
            )
            wrong += [(url, name, *each) for each in found]
    assert not wrong, "\n".join(map(str, wrong))
    assert count > 35

"""Malformed and hostile bodies are 4xx problems, never a 500, and nothing is written."""

from __future__ import annotations

import codecs
import json
import re
from io import BytesIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app import catalog
from tests.api.conftest import error_fields, row_counts
from tests.support import factories

API = "/api/notifications"

POSTS = ["/api/events/", "/api/notifications/mark-read/", "/api/notifications/bulk-mark-read/"]
DEEP = 100_000
BROKEN = {
    "nothing": b"",
    "a space": b" ",
    "half an object": b'{"id":',
    "two values": b"{} {}",
    "a trailing comma": b'{"a": 1,}',
    "single quotes": b"{'a': 1}",
    "two byte order marks": b"\xef\xbb\xbf\xef\xbb\xbf{}",
    "a byte order mark inside": b'{\xef\xbb\xbf"id": 1}',
    "nothing but a byte order mark": b"\xef\xbb\xbf",
    "bad UTF-8": b'{"id": "\xff"}',
    "overlong UTF-8": b'{"id": "\xc0\xaf"}',
    "UTF-16": '{"id": "x"}'.encode("utf-16"),
    "NaN": b'{"id": NaN}',
    "infinity": b'{"id": -Infinity}',
    "1e400": b'{"id": 1e400}',
    "an endless integer": b'{"id": ' + b"9" * 10_000 + b"}",
    "NUL, raw": b'{"id": "a\x00b"}',
    "NUL, escaped": b'{"id": "a\\u0000b"}',
    "NUL in a name": b'{"a\\u0000b": 1}',
    "NUL deep inside": b'{"data": {"metadata": {"x": ["\\u0000"]}}}',
    "half a surrogate pair": b'{"id": "\\ud83d"}',
    "the wrong half in a name": b'{"\\udc00": 1}',
    "deep lists": b"[" * DEEP + b"]" * DEEP,
    "deep lists, unclosed": b"[" * DEEP,
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "ten thousand objects deep": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "somewhat deep": b"[" * 200 + b"]" * 200,
    "fifty thousand values": b"[" + b"1," * 50_000 + b"1]",
    "a thousand and one names": b"{" + b",".join(b'"%d": 1' % number for number in range(1_001)) + b"}",
    "a name twice": b'{"specversion": "1.0", "id": "1", "id": "2"}',
    "a name twice, escaped": b'{"id": "1", "\\u0069d": "2"}',
    "half a surrogate pair twice": b'{"\\ud83d": 1, "\\ud83d": 2}',
    "deep inside data": b'{"data": ' + b"[" * 500 + b"]" * 500 + b"}",
}
# Valid JSON values that few fields accept.
UNUSUAL = [
    None,
    True,
    0,
    -1,
    1.5,
    1e308,
    2**31,
    2**63,
    10**300,
    "",
    " ",
    "x" * 300,
    "x" * 20_000,
    "a\r\nBcc: eve@example.test",
    "\x1b[31m",
    "\u2028",
    "javascript:alert(1)",
    "//example.com",
    "http://",
    "http://[",
    "https://example.com:99999/",
    "9999-12-31T23:59:59-23:59",
    "0001-01-01T00:00:00+23:59",
    "2026-02-30T00:00:00Z",
    "2026-03-12T14:00:00",
    [],
    [[]],
    [None],
    {},
    {"$ne": None},
    {"__proto__": {}},
]


@pytest.fixture
def post(client, bob, token):
    """Post raw bytes with a token that has all scopes."""
    headers = token(bob, "read", "write", "events", "admin")

    def send(path, raw, content_type="application/json", **more):
        return client.post(path, data=raw, content_type=content_type, headers=headers | more)

    return send


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("raw", BROKEN.values(), ids=BROKEN)
def test_malformed_json_is_a_400(post, path, raw):
    response = post(path, raw)
    assert (response.status_code, response.content_type) == (400, "application/problem+json")
    assert response.json["detail"]
    assert not any(row_counts().values())


def test_a_byte_order_mark_before_the_json_is_ignored_by_every_call_that_takes_a_body(client, admin_headers):
    calls = [
        (method, path.replace("{", "").replace("}", ""), next(iter(operation["requestBody"]["content"])))
        for path, item in client.get("/api/openapi.json").json["paths"].items()
        for method, operation in item.items()
        if "requestBody" in operation
    ]
    assert len(calls) > 15
    for method, path, content_type in calls:
        url = re.sub(r"/[a-z]+_id/", "/1/", path)
        for raw in (b"{}", b"[]", b'{"x": 1}', b"\n {}"):
            answers = [
                client.open(url, method=method, data=body, content_type=content_type, headers=admin_headers)
                for body in (raw, codecs.BOM_UTF8 + raw)
            ]
            assert answers[0].status_code == answers[1].status_code != 400, (method, path, raw)


def test_an_event_with_a_byte_order_mark_is_reported_in_both_modes(post, alice):
    body = factories.event_body(recipients=["alice@example.test"])
    assert post("/api/events/", codecs.BOM_UTF8 + json.dumps(body).encode()).status_code == 201
    attributes = {f"ce-{name}": str(value) for name, value in body.items() if name != "data"}
    data = codecs.BOM_UTF8 + json.dumps(body["data"]).encode()
    assert post("/api/events/", data, **attributes | {"ce-id": "another"}).status_code == 201


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("raw", [b"[]", b"1", b"null", b'"text"', b"true"])
def test_a_body_that_is_not_an_object_is_a_422(post, path, raw):
    assert error_fields(post(path, raw)) == [""]


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/x-www-form-urlencoded", "application/xml", "application/json-patch+json"],
)
def test_an_unsupported_content_type_is_a_415(post, path, content_type):
    response = post(path, b"{}", content_type)
    assert (response.status_code, response.content_type) == (415, "application/problem+json")
    assert "application/json" in response.json["detail"]


def test_a_compressed_body_is_a_415(post):
    assert post(POSTS[0], b"{}", **{"Content-Encoding": "gzip"}).status_code == 415


@pytest.mark.parametrize("name", ["identity", "Identity"])
def test_a_body_that_says_it_is_not_compressed_is_read(post, name):
    response = post("/api/notifications/mark-read/", b'{"notification_id": 1}', **{"Content-Encoding": name})
    assert response.status_code == 404


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        ("bad UTF-8", "not UTF-8, from byte 9 on"),
        ("UTF-16", "not UTF-8, from byte 1 on"),
        ("infinity", "-Infinity is not JSON"),
        ("1e400", "a number that is out of range"),
        ("an endless integer", "a number that is out of range"),
        ("ten thousand objects deep", "nested too deeply"),
        ("a name twice, escaped", "the field “id” twice in one object"),
    ],
)
def test_a_broken_body_is_told_what_breaks_it(post, broken, sentence):
    assert sentence in post(POSTS[0], BROKEN[broken]).json["detail"]


@pytest.mark.parametrize("path", POSTS)
def test_a_body_of_ten_megabytes_is_a_413(post, path):
    response = post(path, b'{"id": "' + b"x" * 10_000_000 + b'"}')
    assert (response.status_code, response.content_type) == (413, "application/problem+json")
    assert not any(row_counts().values())


def test_a_truncated_chunked_body_is_a_413(client, bob, alice, token):
    # The part within the limit is a valid event; the complete body is not valid JSON.
    whole = json.dumps(factories.event_body(recipients=["alice@example.test"])).encode()
    response = client.post(
        POSTS[0],
        input_stream=BytesIO(whole.ljust(3_000_000) + b"no JSON"),
        content_type="application/json",
        environ_overrides={"wsgi.input_terminated": True},
        headers=token(bob, "events") | {"Transfer-Encoding": "chunked"},
    )
    assert (response.status_code, response.content_type) == (413, "application/problem+json")
    assert not any(row_counts().values())


@pytest.mark.parametrize("kind", catalog.EVENTS)
def test_unusual_values_in_data_are_accepted_or_refused_by_name_but_never_a_500(post, alice, kind):
    names = [field.name for field in catalog.EVENTS[kind].data]
    for name in (*names, "recipients", "action_url", "priority", "metadata"):
        for odd in UNUSUAL:
            body = factories.event_body(kind, ["alice@example.test"])
            body["data"][name] = odd
            before = row_counts()
            response = post("/api/events/", json.dumps(body))
            if response.status_code != 201:
                assert all(field.startswith("data.") for field in error_fields(response)), (name, odd)
                assert row_counts() == before, (name, odd)


@pytest.mark.parametrize(
    "name", ["specversion", "id", "source", "type", "time", "subject", "data", "dataschema"]
)
def test_unusual_attribute_values_are_accepted_or_refused_by_name_but_never_a_500(post, alice, name):
    for odd in UNUSUAL:
        body = factories.event_body(recipients=["alice@example.test"]) | {name: odd}
        before = row_counts()
        response = post("/api/events/", json.dumps(body))
        if response.status_code != 201:
            assert all(field.split(".")[0] in {name, "data"} for field in error_fields(response)), odd
            assert row_counts() == before, odd


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
KNOWN = st.sampled_from(
    ["id", "type", "data", "source", "specversion", "notification_id", "notification_ids"]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(POSTS), JSON | st.dictionaries(KNOWN | st.text(max_size=5), JSON, max_size=6))
def test_arbitrary_json_is_a_4xx(post, path, value):
    response = post(path, json.dumps(value))
    assert 400 <= response.status_code < 500 or response.json == {"updated": 0}, response.data
    assert not any(row_counts().values())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(POSTS), st.binary(max_size=200))
def test_arbitrary_bytes_are_a_4xx(post, path, raw):
    assert 400 <= post(path, raw).status_code < 500
    assert not any(row_counts().values())


def test_a_field_with_an_unstorable_character_is_named(client, alice, token):
    body = b'{"specversion": "1.0", "data": {"job_title": "x", "candidate_name": "a\\u0000b"}}'
    headers = token(alice, "events") | {"Content-Type": "application/json"}
    answer = client.post("/api/events/", data=body, headers=headers)
    assert answer.status_code == 400
    assert "data.candidate_name" in answer.get_json()["detail"]


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        (f"{API}/templates/1/", "TemplateChange"),
        (f"{API}/views/1/", "ViewChange"),
        ("/api/webhooks/1/", "WebhookChange"),
        ("/api/people/1/", "PersonChange"),
    ],
)
def test_null_is_refused_in_patch_bodies(client, admin_headers, path, schema):
    known = client.get("/api/openapi.json").json["components"]["schemas"][schema]["properties"]
    response = client.patch(path, json=dict.fromkeys(known), headers=admin_headers)
    assert set(error_fields(response)) == set(known)

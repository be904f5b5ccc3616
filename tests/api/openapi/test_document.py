"""The OpenAPI document matches the API."""

from __future__ import annotations

import gzip
import json
import re

import pytest

from tests.support import factories

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture
def document(client):
    response = client.get("/api/openapi.json")
    assert response.status_code == 200
    return response.json


def test_the_document_lists_exactly_the_calls_of_the_api(app, document):
    def template(rule):
        return re.sub(r"<(?:[^<:]+:)?([^>]+)>", r"{\1}", rule)

    routed = {
        (method.lower(), template(rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("api.")
        for method in rule.methods or ()
        if method.lower() in METHODS
    }
    described = {(method, path) for path, item in document["paths"].items() for method in item}
    assert described == routed


def test_every_reference_resolves(document):
    names = set(document["components"]["schemas"])
    assert set(re.findall(r"#/components/schemas/([\w.]+)", str(document))) <= names
    assert "$defs" not in str(document)


def test_every_call_has_a_unique_operation_id_a_summary_and_its_errors(document):
    operations = [operation for item in document["paths"].values() for operation in item.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    for operation in operations:
        assert operation["summary"]
        assert operation["security"]
        assert {"401", "403", "500"} <= set(operation["responses"])
        for status, response in operation["responses"].items():
            if status >= "400":
                assert list(response["content"]) == ["application/problem+json"]
        if "requestBody" in operation:
            assert operation["requestBody"]["required"] is True
            assert {"400", "413", "415", "422"} <= set(operation["responses"])


def test_every_call_with_an_id_is_the_target_of_a_link(document):
    operations = {
        operation["operationId"]: operation
        for item in document["paths"].values()
        for operation in item.values()
    }
    linked = set()
    for operation in operations.values():
        for response in operation["responses"].values():
            for link in response.get("links", {}).values():
                target = operations[link["operationId"]]
                [name] = link["parameters"]
                assert name in [each["name"] for each in target["parameters"] if each["in"] == "path"]
                linked.add(link["operationId"])
    take_an_id = {
        name
        for name, operation in operations.items()
        if any(each["in"] == "path" for each in operation["parameters"])
    }
    assert linked == take_an_id


def test_a_tag_is_listed_once(document):
    names = [tag["name"] for tag in document["tags"]]
    assert sorted(names) == sorted(set(names))
    used = {tag for item in document["paths"].values() for each in item.values() for tag in each["tags"]}
    assert used == set(names)


def test_the_document_describes_request_and_response_headers(client, alice, token, document):
    for item in document["paths"].values():
        for method, operation in item.items():
            taken = {each["name"] for each in operation["parameters"] if each["in"] == "header"}
            assert ("If-None-Match" if method == "get" else "Idempotency-Key") in taken
            assert {"WWW-Authenticate", "RateLimit"} <= set(operation["responses"]["401"]["headers"])
            assert "Retry-After" in operation["responses"]["429"]["headers"]
    for _number in range(2):
        factories.notification(alice)
    response = client.get("/api/notifications/?limit=1", headers=token(alice))
    described = document["paths"]["/api/notifications/"]["get"]["responses"]["200"]["headers"]
    assert set(described) <= set(response.headers.keys())
    assert set(described) == {"ETag", "Link", "RateLimit", "RateLimit-Policy"}


def test_the_document_names_the_server(app, document):
    assert document["servers"] == [{"url": app.config["BASE_URL"]}]


def test_the_document_is_gzipped_and_has_an_etag(client):
    first = client.get("/api/openapi.json", headers={"Accept-Encoding": "gzip"})
    assert (first.headers["Content-Encoding"], first.headers["Cache-Control"]) == ("gzip", "no-cache")
    assert json.loads(gzip.decompress(first.data))["openapi"].startswith("3.1")
    again = client.get("/api/openapi.json", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_the_document_does_not_contain_the_requests_host(app):
    first = app.test_client().get("/api/openapi.json", headers={"Host": "evil.example"})
    assert b"evil.example" not in first.data


def test_a_response_has_exactly_the_documented_fields(client, alice, token, document):
    factories.notification(alice)
    [row] = client.get("/api/notifications/", headers=token(alice)).json["results"]
    schema = document["components"]["schemas"]["NotificationOut"]
    assert set(row) == set(schema["properties"]) == set(schema["required"])

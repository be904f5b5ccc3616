"""The examples of the document are so: they fit their schemas."""

from __future__ import annotations

import jsonschema_rs
import pytest


@pytest.fixture
def document(client):
    return client.get("/api/openapi.json").json


def _operations(document):
    return [operation for item in document["paths"].values() for operation in item.values()]


def test_every_answer_has_an_example_that_fits_its_schema(document):
    seen = 0
    for operation in _operations(document):
        for status in {"200", "201"} & set(operation["responses"]):
            content = operation["responses"][status]["content"]["application/json"]
            whole = content["schema"] | {"components": document["components"]}
            jsonschema_rs.validate(whole, content["example"], validate_formats=True)
            seen += 1
    assert seen >= 50


def test_every_body_has_an_example(document):
    for operation in _operations(document):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            name = content["schema"]["$ref"].rpartition("/")[2]
            assert document["components"]["schemas"][name]["examples"]

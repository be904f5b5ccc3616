"""Sources over the API, and the address that other systems call."""

from __future__ import annotations

import pytest

from app.database.base import db
from app.models import Notification, Source
from app.services.sources import mapping
from tests.api.conftest import error_fields
from tests.support.source_calls import NOW, ORDINARY, SECRET, encode, signed

API = "/api/sources"
BODY = {"kind": "greenhouse", "name": "Hiring", "secret": SECRET, "company_name": "Alder Robotics"}
LIMIT = 2 * 1024 * 1024


@pytest.fixture
def headers(bob, token):
    return token(bob, "admin")


@pytest.fixture
def source(client, headers):
    return client.post(f"{API}/", json=BODY, headers=headers).json


def send(client, source, document, **options):
    call_headers, body = signed(source["kind"], document, **options)
    address = source["url"].removeprefix("http://bellhop.test")
    return client.post(address, data=body, headers=call_headers, content_type="application/json")


def test_a_source_is_connected_changed_and_deleted(client, headers, source):
    assert SECRET not in str(source)
    assert source["url"].startswith("http://bellhop.test/sources/")
    path = f"{API}/{source['id']}/"
    assert client.get(path, headers=headers).json == source
    assert client.get(f"{API}/", headers=headers).json["results"] == [source]
    changed = client.patch(path, json={"is_paused": True, "name": "Greenhouse"}, headers=headers).json
    assert changed == source | {"is_paused": True, "name": "Greenhouse"}
    rotated = client.patch(path, json={"secret": "another secret"}, headers=headers)
    assert rotated.json["rotated_at"] is not None
    assert client.patch(path, json={"secret": "a third secret"}, headers=headers).status_code == 409
    assert client.delete(path, headers=headers).status_code == 204
    assert client.get(path, headers=headers).status_code == 404
    assert db.session.query(Source).count() == 0


@pytest.mark.parametrize("field", ["kind", "name", "secret"])
def test_a_source_needs_a_system_a_name_and_a_secret(client, headers, field):
    answer = client.post(f"{API}/", json={**BODY, field: ""}, headers=headers)
    assert error_fields(answer) == [field]


def test_a_signed_call_is_stored_at_once_mapped_afterwards_and_replayed(client, alice, headers, source):
    assert send(client, source, ORDINARY["greenhouse"]).status_code == 200
    assert send(client, source, ORDINARY["greenhouse"]).status_code == 200
    path = f"{API}/{source['id']}/calls/"
    (call,) = client.get(path, headers=headers).json["results"]
    assert (call["action"], call["state"]) == ("candidate_stage_change", "waiting")
    assert db.session.query(Notification).count() == 0
    mapping.map_call(call["id"])
    (call,) = client.get(path, headers=headers).json["results"]
    assert (call["state"], call["verdict"]) == ("mapped", "Notified 1 person")
    again = client.post(f"{path}{call['id']}/replay/", headers=headers)
    assert again.json["state"] == "waiting"
    mapping.map_call(call["id"])
    (call,) = client.get(path, headers=headers).json["results"]
    assert call["verdict"] == "Notified earlier"
    assert db.session.query(Notification).count() == 1
    other = client.post(f"{API}/", json=BODY, headers=headers).json
    assert client.post(f"{API}/{other['id']}/calls/{call['id']}/replay/", headers=headers).status_code == 404


def test_an_unsigned_call_is_a_401_and_an_unknown_address_a_404(client, headers, source):
    answer = send(client, source, ORDINARY["greenhouse"], secret="another")
    assert (answer.status_code, answer.text) == (401, "The signature is missing or wrong.\n")
    address = source["url"].removeprefix("http://bellhop.test")
    assert client.post(address).status_code == 401
    assert client.get(address).status_code == 405
    assert client.post("/sources/unknown").status_code == 404
    assert client.get(f"{API}/{source['id']}/calls/", headers=headers).json["results"] == []


@pytest.mark.parametrize(("extra", "status"), [(0, 200), (1, 413)])
def test_a_body_may_have_two_megabytes(client, source, extra, status):
    filled = ORDINARY["greenhouse"] | {"filler": ""}
    filled["filler"] = "x" * (LIMIT - len(encode(filled)) + extra)
    assert send(client, source, filled, now=NOW).status_code == status

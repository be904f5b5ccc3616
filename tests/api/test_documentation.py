"""The documentation is correct: the commands of docs/api.md, the pages, a generated client."""

from __future__ import annotations

import html
import itertools
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from app import catalog
from app.clock import utc_now
from app.services.accounts import tokens
from app.services.base.errors import Invalid
from app.services.events import data as event_data
from app.services.events import publish as event_publish
from tests.support import factories

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "api.md").read_text(), re.DOTALL)


def test_every_command_in_api_md_runs(live_server, alice, bob):
    factories.user("ruth@bellhop.example")
    _row, text = tokens.create(bob, "guide", list(tokens.SCOPES))
    assert len(COMMANDS) >= 8
    for command in COMMANDS:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            env={**os.environ, "BELLHOP": live_server, "TOKEN": text},
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)


def test_the_public_pages_list_every_call_and_event(client):
    page = html.unescape(client.get("/api/docs").text)
    document = client.get("/api/openapi.json").json
    for path, item in document["paths"].items():
        assert path in page
        for operation in item.values():
            assert operation["operationId"] in page
            assert operation["x-codeSamples"][0]["source"] in page
    events = client.get("/api/docs/events").text
    for event in catalog.EVENTS.values():
        assert event.name in events
        assert all(field.name in events for field in event.data)


@pytest.mark.parametrize("name", list(catalog.EVENTS))
def test_the_json_schema_of_an_event_matches_its_validation(app, name):
    import jsonschema_rs

    factories.user("ruth@bellhop.example")
    schema, sample = event_data.json_schema(name), event_data.sample(name)

    def is_accepted(data) -> bool:
        body = factories.event_body(name) | {"data": data}
        try:
            validated = event_data.validate(name, body["data"])
            people = validated.pop("recipients", None)
            event_publish.publish(
                event_publish.IncomingEvent("/test", body["id"], name, utc_now(), validated, people),
                dry_run=True,
            )
        except Invalid:
            return False
        return True

    assert jsonschema_rs.is_valid(schema, sample)
    assert is_accepted(sample)
    for required in schema["required"]:
        without = {key: value for key, value in sample.items() if key != required}
        assert not jsonschema_rs.is_valid(schema, without)
        assert not is_accepted(without)
    texts = [field.name for field in catalog.EVENTS[name].data if field.kind == "text"]
    for field, value in itertools.product(texts, ("x" * 20_000, " ", "\u2028")):
        assert not jsonschema_rs.is_valid(schema, sample | {field: value}), (field, value)
    # A schema cannot express that numbers contradict each other, or that a confidential event reaches no one.
    sample |= {"hiring_team": ["ruth@bellhop.example"]}
    free = [field for field, shape in schema["properties"].items() if shape.get("type") != "integer"]
    for field, value in itertools.product(free, ("x" * 300, "x", "a\nb", " ", 5, True, [], {}, -1)):
        if jsonschema_rs.is_valid(schema, sample | {field: value}, validate_formats=True):
            assert is_accepted(sample | {field: value}), (field, value)


CLIENT = """
import sys
from bellhop_client import AuthenticatedClient
from bellhop_client.api.notifications import list_notifications, bulk_mark_read
from bellhop_client.models import BulkMarkRead
client = AuthenticatedClient(base_url=sys.argv[1], token=sys.argv[2])
page = list_notifications.sync(client=client)
ids = [row.id for row in page.results]
print(ids, bulk_mark_read.sync(client=client, body=BulkMarkRead(notification_ids=ids)).updated)
"""


def test_a_generated_client_can_list_and_mark_read(live_server, alice, tmp_path):
    rows = [factories.notification(alice) for _ in range(2)]
    _row, text = tokens.create(alice, "client", ["read", "write"])
    generator = Path(sys.executable).with_name("openapi-python-client")
    config = tmp_path / "config.yml"
    config.write_text("project_name_override: bellhop-client\npost_hooks: []\n")
    made = subprocess.run(
        [
            generator,
            "generate",
            "--url",
            f"{live_server}/api/openapi.json",
            "--config",
            config,
            "--fail-on-warning",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    done = subprocess.run(
        [sys.executable, "-c", CLIENT, live_server, text],
        cwd=tmp_path / "bellhop-client",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout.strip() == f"{[row.id for row in reversed(rows)]} 2", done.stderr


def test_anchors_on_the_api_pages_exist(client):
    for address in ("/api/docs", "/api/docs/events"):
        page = client.get(address).text
        places = set(re.findall(r'href="#([^"]+)"', page)) - {"main"}
        assert len(places) >= 10
        assert places <= set(re.findall(r'id="([^"]+)"', page))

"""The dashboard and the alert rules in deploy/ name metrics, labels and values that `/metrics` has."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from app.clock import utc_now
from app.database.base import db
from app.jobs import SCHEDULE
from app.models import DeliveryAttempt, User
from app.services.base import broker
from app.services.operations import job_runs
from tests.support import factories
from tests.support.brokers import RedisServer, add_broker

DEPLOY = Path(__file__).resolve().parents[1] / "deploy"
DASHBOARD, ALERTS = DEPLOY / "grafana-dashboard.json", DEPLOY / "prometheus-alerts.yml"
# What PromQL and Prometheus themselves bring.
NOT_OURS = {"up", "instance"}
FUNCTIONS = {"and", "by", "max", "min", "or", "sum", "time", "vector"}


def panel_expressions() -> list[str]:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def rules() -> list[dict]:
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


def names(expression: str) -> set[str]:
    """The metrics and labels that an expression names."""
    return set(re.findall(r"[a-z_]{2,}", re.sub(r'"[^"]*"', "", expression))) - FUNCTIONS


def matchers(expressions: list[str]) -> Iterator[tuple[str, str]]:
    """The labels and values that expressions select."""
    for label, _operator, values in re.findall(r'(\w+)(=~|=)"([^"]*)"', " ".join(expressions)):
        yield from ((label, value) for value in values.split("|"))


@pytest.fixture
def reported(app: Flask, alice: User, redis_server: RedisServer) -> dict[str, set[tuple[str, str]]]:
    """The labels of each metric, in a database that has something of everything."""
    add_broker(app, redis_server.url)
    now = utc_now()
    row = factories.notification(alice)
    factories.delivery(row, due_at=now)
    for number, outcome in enumerate(("sent", "failed")):
        sent = factories.delivery(row, "push", state=outcome, address=str(number))
        attempt = {"number": 1, "started_at": now, "finished_at": now, "outcome": outcome}
        db.session.add(DeliveryAttempt(delivery_id=sent.id, **attempt))
    db.session.commit()
    for name in SCHEDULE:
        job_runs.record_frequent_run(name, now, 0)
    found = {}
    for family in text_string_to_metric_families(app.test_client().get("/metrics").text):
        assert family.samples, family.name
        found[family.name] = {pair for sample in family.samples for pair in sample.labels.items()}
    return found


def test_dashboard_and_alerts_name_what_is_reported(reported: dict[str, set[tuple[str, str]]]) -> None:
    expressions = [*panel_expressions(), *(rule["expr"] for rule in rules())]
    labels = {label for pairs in reported.values() for label, _ in pairs}
    for expression in expressions:
        assert names(expression) <= {*reported, *labels, *NOT_OURS}, expression
    values = {pair for pairs in reported.values() for pair in pairs}
    assert set(matchers(expressions)) - {("job", "bellhop")} <= values
    assert {value for label, value in values if label == "queue"} == set(broker.QUEUES)


def test_the_dashboard_shows_every_metric(reported: dict[str, set[tuple[str, str]]]) -> None:
    assert set(reported) <= {name for expression in panel_expressions() for name in names(expression)}


def test_panels_have_their_own_place_and_name_labels_that_they_keep() -> None:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}
    assert len(places) == len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        for target in panel["targets"]:
            for label in re.findall(r"{{(\w+)}}", target["legendFormat"]):
                assert re.search(rf"by \((\w+, )*{label}\b", target["expr"])


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_says_what_is_wrong_and_what_to_do(rule: dict) -> None:
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert set(rule["annotations"]) == {"summary", "description"}
    for label in re.findall(r"\$labels\.(\w+)", str(rule["annotations"])):
        assert label == "instance" or re.search(rf"by \((\w+, )*{label}\b", rule["expr"])


def test_prometheus_accepts_the_rules() -> None:
    # Where Prometheus is installed.
    if promtool := shutil.which("promtool"):
        done = subprocess.run(
            [promtool, "check", "rules", ALERTS], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

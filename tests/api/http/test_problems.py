"""Errors under /api/ are problem+json (RFC 9457); elsewhere they are HTML pages."""

from __future__ import annotations

import logging

import pytest
from sqlalchemy.exc import OperationalError

from app.services.notifications import actions, counts

MEDIA_TYPE = "application/problem+json"


@pytest.mark.parametrize("path", ["/api/", "/api/nothing", "/api/notifications/x/y/", "/api/openapi.yaml"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_unknown_path_is_a_404_problem(client, path, method):
    response = client.open(path, method=method)
    assert (response.status_code, response.content_type) == (404, MEDIA_TYPE)
    assert response.json["type"] == "about:blank"
    assert (response.json["title"], response.json["status"]) == ("Not Found", 404)


def test_an_unknown_path_outside_the_api_is_an_html_page(client):
    response = client.get("/nothing")
    assert (response.status_code, response.mimetype) == (404, "text/html")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/api/notifications/", {"GET", "HEAD", "OPTIONS"}),
        ("DELETE", "/api/notifications/5/", {"GET", "HEAD", "OPTIONS"}),
        ("GET", "/api/events/", {"POST", "OPTIONS"}),
        ("PUT", "/api/notifications/mark-read/", {"POST", "OPTIONS"}),
        ("POST", "/api/openapi.json", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_an_unsupported_method_is_a_405_with_an_allow_header(client, method, path, allowed):
    response = client.open(path, method=method)
    assert (response.status_code, response.content_type) == (405, MEDIA_TYPE)
    assert {name.strip() for name in response.headers["Allow"].split(",")} == allowed


def test_an_internal_error_reveals_only_a_request_id(app, client, alice, token, monkeypatch, caplog):
    def break_down(*_arguments, **_options):
        raise RuntimeError("the password is swordfish")

    app.config.update(TESTING=False, PROPAGATE_EXCEPTIONS=False)
    monkeypatch.setattr(counts, "unread_count", break_down)
    with caplog.at_level(logging.ERROR):
        response = client.get("/api/notifications/unread-count/", headers=token(alice))
    assert (response.status_code, response.content_type) == (500, MEDIA_TYPE)
    assert set(response.json) == {"type", "title", "status", "request_id"}
    assert response.json["request_id"] in caplog.text


def test_a_database_failure_is_a_503_with_retry_after(client, alice, token, monkeypatch):
    def fail(*_arguments, **_options):
        raise OperationalError("UPDATE", {}, Exception("database or disk is full"))

    headers = token(alice)
    monkeypatch.setattr(actions, "change", fail)
    response = client.post(
        "/api/notifications/bulk-mark-read/", json={"notification_ids": [1]}, headers=headers
    )
    assert (response.status_code, response.content_type) == (503, MEDIA_TYPE)
    assert response.headers["Retry-After"] == "5"
    assert "disk" not in response.text


@pytest.mark.parametrize(
    ("method", "path", "body", "sentence"),
    [
        (
            "GET",
            "/api/notifications/?cursor=x",
            None,
            "Take the cursor from “next” or “previous” of this list.",
        ),
        ("GET", "/api/tokens/?cursor=1", None, "Take the cursor from “next” or “previous” of this list."),
        ("GET", "/api/deliveries/?cursor=", None, "Take the cursor from “next” or “previous” of this list."),
        (
            *("PUT", "/api/notifications/preferences/", {"quiet_hours": {"start": "7pm", "end": "07:00"}}),
            "Enter a time such as 19:00.",
        ),
        ("POST", "/api/events/", {"source": "my system"}, "such as /platform/jobs, percent-encoded."),
        ("POST", "/api/events/", {"id": ""}, "Must not be empty."),
    ],
)
def test_a_value_of_the_wrong_shape_is_told_what_to_write(client, bob, token, method, path, body, sentence):
    response = client.open(
        path, method=method, json=body, headers=token(bob, "read", "write", "events", "admin")
    )
    assert response.status_code == 422
    assert any(each["detail"].endswith(sentence) for each in response.json["errors"]), response.json

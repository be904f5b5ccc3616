"""Channels that reach the local test server."""

from __future__ import annotations

import pytest
from flask import Flask

from app.channels import CONNECTORS, safe_http
from app.channels.push import PushChannel
from app.channels.sms import TwilioChannel
from app.channels.webhook import WebhookChannel
from tests.channels.test_push import OURS
from tests.support.web import WebServer


def is_loopback(address: safe_http.IPAddress) -> bool:
    return address.is_loopback


@pytest.fixture
def channel_server(any_app: Flask, web_server: WebServer, monkeypatch: pytest.MonkeyPatch) -> WebServer:
    """The channels as configured, but allowed to reach the local server."""
    monkeypatch.setitem(CONNECTORS, "webhook", lambda: WebhookChannel(is_loopback))
    monkeypatch.setitem(CONNECTORS, "push", lambda: PushChannel(OURS, "mailto:a@example.test", is_loopback))
    monkeypatch.setitem(CONNECTORS, "sms", lambda: TwilioChannel(web_server.url, "AC1", "t", "+15005550006"))
    return web_server

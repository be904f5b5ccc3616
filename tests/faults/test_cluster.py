"""Servers, workers, PostgreSQL and Redis on hosts of their own, while they are killed, paused and cut off."""

from __future__ import annotations

import json
import logging
import os
import random
import signal
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from flask_migrate import upgrade
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from app.database.base import db
from app.models import Delivery, Notification, User
from app.models.delivery import OPEN_STATES
from app.services.accounts import tokens
from tests.conftest import MIGRATIONS, make_app
from tests.support import factories
from tests.support.cluster import SMTP_PORT, WEB_PORT, Cluster, Member, cluster
from tests.support.network import Network
from tests.support.smtp_sink import Sink, smtp_sink
from tests.support.waiting import wait_until

# A run of a quarter of an hour: CLUSTER_MAILS=100000 CLUSTER_SECONDS=600.
MAILS = int(os.environ.get("CLUSTER_MAILS", "4000"))
# For how long events are posted.
SECONDS = float(os.environ.get("CLUSTER_SECONDS", "150"))
PEOPLE = 50
KILL_EVERY = float(os.environ.get("CLUSTER_KILL_EVERY", "5"))
PAUSE_SECONDS, CUT_SECONDS = 60.0, 40.0
# What an interruption may cost.
RECOVERY_SECONDS = 60.0
log = logging.getLogger(__name__)
EMAIL = ("-Q", "send.email", "--concurrency", "2", "--loglevel", "INFO")


@pytest.fixture
def installation(network: Network, tmp_path: Path) -> Iterator[Cluster]:
    """Two servers and three workers on an empty, migrated database, with the test in an application of its own."""
    with cluster(network, tmp_path) as running:
        app = make_app(running.database.url)
        with app.app_context():
            upgrade(MIGRATIONS)
            for number in (1, 2, 3):
                running.add_worker(f"worker{number}", *EMAIL)
            for number in (1, 2):
                running.add_server(f"server{number}")
            yield running
            db.session.remove()
            db.engine.dispose()


@pytest.fixture
def sink(network: Network, tmp_path: Path) -> Iterator[Sink]:
    """The mail server of the installation."""
    with smtp_sink(tmp_path / "mails", SMTP_PORT, host=network.address) as running:
        yield running


class Caller(threading.Thread):
    """Posts events at an even rate, each until a server has acknowledged it."""

    def __init__(self, servers: list[str], token: str, events: Sequence[bytes], seconds: float) -> None:
        super().__init__(daemon=True)
        self._servers, self._events, self._seconds = servers, events, seconds
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self.failures: Counter[str] = Counter()

    def run(self) -> None:
        started = time.monotonic()
        for number, event in enumerate(self._events):
            time.sleep(max(0.0, started + self._seconds * number / len(self._events) - time.monotonic()))
            attempt = number
            while not self._post(self._servers[attempt % len(self._servers)], event):
                attempt += 1
                time.sleep(0.2)

    def _post(self, server: str, event: bytes) -> bool:
        call = urllib.request.Request(f"{server}/api/events/", event, self._headers)
        try:
            with urllib.request.urlopen(call, timeout=10) as response:
                return response.status in {200, 201}
        except urllib.error.HTTPError as error:
            if error.code < 500:
                raise
            self.failures[str(error.code)] += 1
        except OSError as error:
            self.failures[type(error).__name__] += 1
        return False


class Interruptions:
    """Kills, pauses and cuts, and which deliveries they held up."""

    def __init__(self, installation: Cluster, sink: Sink) -> None:
        self._installation, self._sink, self._engine = installation, sink, db.engine
        self._random = random.Random(14)
        # What happened, when, and the deliveries that were claimed by those it happened to.
        self.log: list[tuple[float, str, set[int]]] = []
        self.kills = 0
        self.spared: set[str] = set()

    def kill_some(self, ended: threading.Event) -> None:
        """Kill a random process every few seconds."""
        while not ended.wait(self._random.uniform(0.5, 1.5) * KILL_EVERY):
            member = self._random.choice(self._installation.members)
            if member.name in self.spared or not (pids := member.host.pids()):
                continue
            pid = self._random.choice(pids)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                self.kills += 1
                self.note(f"kill {member.name}", [pid])

    def note(self, what: str, pids: Sequence[int] = ()) -> None:
        """Note an interruption, with the processes that it concerns."""
        self.log.append((time.time(), what, self._claimed_by(set(pids))))

    def _claimed_by(self, pids: set[int]) -> set[int]:
        statement = text("SELECT id, claimed_by FROM deliveries WHERE state = 'claimed'")
        try:
            with self._engine.connect() as connection:
                rows = connection.execute(statement).all()
        except SQLAlchemyError:
            return set()
        return {row.id for row in rows if int(row.claimed_by.rpartition(":")[2]) in pids}

    def recoveries(self) -> list[tuple[float, str]]:
        """Return how many seconds it took each time until the deliveries that were held up had been sent.

        One that was held up again counts from then on. Where none was held up, it is the time until the next email.
        """
        sent_at = dict(db.session.execute(select(Delivery.id, Delivery.sent_at)).all())
        arrivals = sorted(at for at, _name in self._sink.emails())
        found, hit_later = [], set()
        for at, what, ids in reversed(self.log):
            last = max((sent_at[row_id].timestamp() for row_id in ids - hit_later), default=at)
            hit_later |= ids
            following = next((arrival for arrival in arrivals if arrival > at), at)
            found.append((max(last, following) - at, what))
        return sorted(found, reverse=True)


@pytest.mark.long
@pytest.mark.timeout(900 + 3 * SECONDS)
def test_what_is_killed_paused_cut_off_or_restarted_loses_nothing_and_repeats_little(
    installation: Cluster, sink: Sink
) -> None:
    people = add_people()
    events = make_events(people)
    servers = [member for member in installation.members if member.name.startswith("server")]
    first, second, third = (each for each in installation.members if each not in servers)
    callers = start_callers(servers, events)
    hit, ended = Interruptions(installation, sink), threading.Event()
    killer = threading.Thread(target=hit.kill_some, args=(ended,), daemon=True)
    wait_until(lambda: len(sink.emails()) > 100, 60)
    killer.start()

    restart_redis(installation, hit)
    time.sleep(SECONDS / 12)
    with paused(first, hit):
        time.sleep(PAUSE_SECONDS / 2)
        installation.database.stop()
        hit.note("PostgreSQL restarted")
        time.sleep(2)
        installation.database.start()
        time.sleep(PAUSE_SECONDS / 2)
    installation.queue.client.flushall()
    hit.note("Redis flushed")
    time.sleep(SECONDS / 12)
    with cut_off(second, hit):
        time.sleep(CUT_SECONDS / 2)
        restart_redis(installation, hit)
        time.sleep(CUT_SECONDS / 2)

    for caller in callers:
        caller.join(SECONDS + 300)
        assert not caller.is_alive()
    ended.set()
    killer.join()
    wait_until(lambda: count_open() == 0, 120 + MAILS / 50)
    expected, arrived, recoveries = len(events) * PEOPLE, sink.message_ids(), hit.recoveries()
    doubles = sum(arrived.values()) - expected
    failures = sum((caller.failures for caller in callers), Counter())
    log.info("%d emails, %d kills, %d doubles; failed calls: %s", expected, hit.kills, doubles, failures)
    log.info("Slowest recoveries: %s", [f"{what} {seconds:.1f} s" for seconds, what in recoveries[:8]])
    assert set(failures) <= {"503", "URLError", "ConnectionResetError", "RemoteDisconnected", "TimeoutError"}
    by_state = (
        select(Delivery.state, func.count()).where(Delivery.channel == "email").group_by(Delivery.state)
    )
    assert dict(db.session.execute(by_state).all()) == {"sent": expected}
    assert len(arrived) == expected, "nothing is lost, and what is repeated has the same Message-ID"
    assert doubles <= hit.kills
    by_person = select(Notification.recipient_id, func.count()).group_by(Notification.recipient_id)
    assert dict(db.session.execute(by_person).all()) == {user.id: len(events) for user in people}
    for user in people[:3]:
        assert unread_of(user, servers[0]) == len(events)
    assert recoveries[0][0] <= RECOVERY_SECONDS
    # A worker that was killed leaves none of its processes behind.
    wait_until(lambda: {len(each.host.pids()) for each in (first, second, third)} == {3}, 60)


def add_people() -> list[User]:
    """Add the people who get emails."""
    people = [factories.bare_user(f"person{number}@example.test") for number in range(PEOPLE)]
    db.session.add_all(people)
    db.session.commit()
    return people


def make_events(people: Sequence[User]) -> list[bytes]:
    """Return the bodies of events that cause an email to each of these people."""
    emails = [user.email for user in people]
    bodies = (factories.event_body("resume.processed", recipients=emails) for _ in range(MAILS // PEOPLE))
    return [json.dumps(body).encode() for body in bodies]


def start_callers(servers: Sequence[Member], events: Sequence[bytes]) -> list[Caller]:
    """Post half of the events to each server once they are ready."""
    admin = factories.user("admin@example.test", role="admin")
    _, token = tokens.create(admin, "test", ["events"])
    urls = [url_of(server) for server in servers]
    for url in urls:
        wait_until(lambda url=url: answers(url), 60)
    callers = [Caller([*urls[n:], *urls[:n]], token, events[n::2], SECONDS) for n in range(len(urls))]
    for caller in callers:
        caller.start()
    return callers


def url_of(server: Member) -> str:
    return f"http://{server.host.address}:{WEB_PORT}"


def unread_of(user: User, server: Member) -> int:
    """Return what the API says is unread."""
    _, token = tokens.create(user, "test", ["read"])
    headers = {"Authorization": f"Bearer {token}"}
    call = urllib.request.Request(f"{url_of(server)}/api/notifications/unread-count/", headers=headers)
    with urllib.request.urlopen(call, timeout=20) as response:
        return json.load(response)["unread_count"]


def answers(url: str) -> bool:
    """Whether a server is ready."""
    try:
        return urllib.request.urlopen(f"{url}/readyz", timeout=5).status == 200
    except OSError:
        return False


def count_open() -> int:
    """Count the deliveries that have not ended."""
    is_open = Delivery.state.in_(OPEN_STATES)
    count = db.session.scalar(select(func.count()).select_from(Delivery).where(is_open))
    db.session.rollback()
    return count


def restart_redis(installation: Cluster, hit: Interruptions) -> None:
    installation.queue.stop()
    hit.note("Redis restarted")
    time.sleep(2)
    installation.queue.start()


@contextmanager
def paused(member: Member, hit: Interruptions) -> Iterator[None]:
    """Pause the processes of a member while the block runs."""
    hit.spared.add(member.name)
    pids = member.host.pids()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    hit.note("paused", pids)
    yield
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    hit.spared.clear()
    hit.note("resumed")


@contextmanager
def cut_off(member: Member, hit: Interruptions) -> Iterator[None]:
    """Cut the host of a member off while the block runs."""
    member.host.cut()
    hit.note("cut off", member.host.pids())
    yield
    member.host.rejoin()
    hit.note("rejoined")

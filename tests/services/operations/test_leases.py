from __future__ import annotations

import threading
from datetime import timedelta

from flask import Flask
from sqlalchemy import select

from app.clock import utc_now
from app.database.base import db
from app.models import Lease
from app.services.operations import leases


def test_a_lease_has_one_holder_until_it_expires(any_app: Flask) -> None:
    now = utc_now()
    assert leases.hold("job sweep", "one", 15, now=now)
    assert leases.hold("job sweep", "one", 15, now=now)
    assert not leases.hold("job sweep", "two", 15, now=now + timedelta(seconds=14))
    assert leases.hold("job sweep", "two", 15, now=now + timedelta(seconds=15))
    assert not leases.hold("job sweep", "one", 15, now=now + timedelta(seconds=16))


def test_a_holder_renews_its_lease_at_half_time(any_app: Flask) -> None:
    now = utc_now()
    leases.hold("job sweep", "one", 15, now=now)
    leases.hold("job sweep", "one", 15, now=now + timedelta(seconds=5))
    assert db.session.scalar(select(Lease.held_until)) == now + timedelta(seconds=15), "no need to write yet"
    leases.hold("job sweep", "one", 15, now=now + timedelta(seconds=10))
    assert db.session.scalar(select(Lease.held_until)) == now + timedelta(seconds=25)


def test_releasing_leases_leaves_those_of_other_holders(any_app: Flask) -> None:
    leases.hold("job sweep", "one", 15)
    leases.hold("job other", "two", 15)
    leases.release("one")
    assert leases.hold("job sweep", "two", 15)
    assert not leases.hold("job other", "one", 15)


def test_one_of_many_simultaneous_requests_gets_the_lease(any_app: Flask) -> None:
    line, got = threading.Barrier(8), []

    def ask(holder: str) -> None:
        with any_app.app_context():
            line.wait(10)
            if leases.hold("job sweep", holder, 15):
                got.append(holder)
            db.session.remove()

    threads = [threading.Thread(target=ask, args=(f"holder {number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(got) == 1

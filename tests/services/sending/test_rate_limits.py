"""Limits of emails per minute."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from app.clock import utc_now
from app.models import User
from app.services.sending.rate_limits import Pace, RateLimits
from app.services.sending.worker import DeliveryWorker
from tests.support import factories
from tests.support.delivery import SITE, pending_email
from tests.support.smtp import Server

SECOND = timedelta(seconds=1)


@given(st.integers(1, 2000), st.lists(st.floats(0.01, 30), min_size=1, max_size=60))
def test_no_minute_exceeds_the_limit_and_long_periods_nearly_reach_it(
    per_minute: int, pauses: list[float]
) -> None:
    pace, now = Pace(per_minute), utc_now()
    next_at, sent = now, []
    for pause in pauses:
        for _try in range(100):
            if not pace.is_free(next_at, now):
                break
            next_at = pace.next_after(next_at, now)
            sent.append(now)
        now += pause * SECOND
    for start in sent:
        assert sum(start <= moment < start + 60 * SECOND for moment in sent) <= per_minute


@pytest.mark.parametrize("per_minute", [1, 20, 45, 60, 600, 6000])
def test_a_worker_polling_every_half_second_uses_most_of_the_limit(per_minute: int) -> None:
    pace, start = Pace(per_minute), utc_now()
    next_at, count = start, 0
    for tick in range(2 * 600):
        now = start + tick * SECOND / 2
        while pace.is_free(next_at, now):
            next_at, count = pace.next_after(next_at, now), count + 1
    assert 0.9 * per_minute * 10 <= count <= per_minute * 10 + 1


def test_a_clock_that_goes_back_stops_nothing() -> None:
    pace, now = Pace(60), utc_now()
    next_at = pace.next_after(now, now)
    assert pace.is_free(next_at, now - timedelta(hours=1))


def test_all_workers_share_the_limit_of_the_installation(any_app: Flask) -> None:
    alice = factories.user("alice@example.test")
    for number in range(10):
        pending_email(alice, f"Number {number}")
    limits = RateLimits(installation=4)
    assert sum(DeliveryWorker(SITE, f"worker {n}", limits).deliver_due() for n in range(3)) == 1


def test_each_recipient_domain_has_its_own_limit(smtp: Server, alice: User) -> None:
    for number in range(5):
        pending_email(alice, f"A{number}", address=f"{number}@ALDER.test")
        pending_email(alice, f"B{number}", address=f"{number}@birch.test")
    pending_email(alice, "C", address="c@notalder.test")
    worker = DeliveryWorker(SITE, "", RateLimits(domain=1))
    worker.deliver_due()
    assert sorted(mail["Subject"] for mail in smtp.mailbox.mails) == ["A0", "B0", "C"]
    worker.deliver_due()
    assert len(smtp.mailbox.raw) == 3


def test_urgent_mail_goes_first_within_the_limit(smtp: Server, alice: User) -> None:
    pending_email(alice, "Old", due_at=utc_now() - timedelta(hours=1))
    pending_email(alice, "Urgent", is_urgent=True)
    DeliveryWorker(SITE, "", RateLimits(installation=1)).deliver_due()
    assert [mail["Subject"] for mail in smtp.mailbox.mails] == ["Urgent"]

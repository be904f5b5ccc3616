"""Deliveries that are prepared before their turn."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from app.channels.base import Message
from app.clock import utc_now
from app.models import Delivery, User
from app.services.sending import lookahead, payloads
from app.services.sending.lookahead import Lookahead, Prepared
from app.services.sending.rate_limits import RateLimits
from app.services.sending.results import SendResult
from app.services.sending.worker import DeliveryWorker
from tests.support.delivery import SITE, pending_email, reload
from tests.support.smtp import Server


class Preparer:
    """Prepares deliveries and records which; those in `decided` must not be sent, those in `broken` fail."""

    def __init__(self, decided: Sequence[int] = (), broken: Sequence[int] = ()) -> None:
        self.calls: list[int] = []
        self.decided, self.broken = decided, broken

    def __call__(self, row: Delivery) -> Prepared:
        self.calls.append(row.id)
        if row.id in self.broken:
            raise RuntimeError("cannot be prepared")
        if row.id in self.decided:
            return Prepared(row, utc_now(), result=SendResult(row.id, "skipped", utc_now()))
        return Prepared(row, utc_now(), Message(f"<{row.id}>", row.address, "Hello", "Hi"))


@pytest.fixture
def rows(alice: User) -> list[Delivery]:
    return [pending_email(alice, f"Number {number}") for number in range(3)]


def test_what_follows_is_prepared_once_and_without_what_must_not_be_sent(rows: list[Delivery]) -> None:
    prepare = Preparer(decided=[rows[1].id])
    ahead = Lookahead(rows, prepare)
    following = ahead.find_following(rows[0])
    assert following is not None
    assert following.row is rows[2]
    assert ahead.take(rows[1]).message is None
    assert ahead.take(rows[2]) is following
    assert ahead.find_following(rows[2]) is None
    assert prepare.calls == [rows[1].id, rows[2].id]


def test_what_was_prepared_too_early_is_prepared_again(
    rows: list[Delivery], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookahead, "MAX_AGE_SECONDS", -1)
    prepare = Preparer()
    ahead = Lookahead(rows, prepare)
    ahead.find_following(rows[0])
    ahead.take(rows[1])
    assert prepare.calls == [rows[1].id] * 2


def test_a_delivery_that_cannot_be_prepared_does_not_affect_the_one_before(rows: list[Delivery]) -> None:
    ahead = Lookahead(rows, Preparer(broken=[rows[1].id]))
    assert ahead.find_following(rows[0]) is None
    with pytest.raises(RuntimeError):
        ahead.take(rows[1])


def test_an_email_that_cannot_be_built_is_retried_and_the_others_are_sent(
    smtp: Server, rows: list[Delivery], worker: DeliveryWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = payloads.build_payload

    def fail_for_second(row: Delivery, *arguments: object) -> Message:
        if row.id == rows[1].id:
            raise RuntimeError("a bug")
        return build(row, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(payloads, "build_payload", fail_for_second)
    worker.deliver_due()
    assert [reload(row).state for row in rows] == ["sent", "retry_wait", "sent"]
    assert len(smtp.mailbox.raw) == 2


def test_a_limit_is_not_used_up_by_preparing_early(
    smtp: Server, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookahead, "MAX_AGE_SECONDS", -1)
    for domain in ("alder.test", "birch.test", "cedar.test"):
        pending_email(alice, domain, address=f"a@{domain}")
    DeliveryWorker(SITE, "", RateLimits(domain=1)).deliver_due()
    assert len(smtp.mailbox.raw) == 3

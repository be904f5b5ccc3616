"""How long the host of a channel is left alone."""

from __future__ import annotations

from app.services.sending import backoff
from app.services.sending.backoff import HostBackoff


def test_each_backoff_is_longer_until_something_has_been_sent() -> None:
    host = HostBackoff()
    assert not host.is_active("email")
    assert [host.start("email") for _ in range(6)] == [5.0, 10.0, 20.0, 40.0, 60.0, 60.0]
    assert (host.is_active("email"), host.is_active("sms")) == (True, False)
    host.reset("email")
    assert not host.is_active("email")
    assert host.start("email") == backoff.FIRST_BACKOFF


def test_people_whose_endpoints_do_not_respond_are_counted_once() -> None:
    host = HostBackoff()
    assert [host.count_unreached("push", user_id) for user_id in (1, 1, 2)] == [1, 1, 2]
    host.reset("push")
    assert host.count_unreached("push", 2) == 1

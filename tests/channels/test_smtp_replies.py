"""What SMTP replies mean."""

from __future__ import annotations

import pytest

from app.channels import smtp_replies

CASES = [
    ("data", 421, "4.7.0 slow down", "TemporaryFailure", "slow_down"),
    ("rcpt", 450, "4.2.0 greylisted", "TemporaryFailure", ""),
    ("data", 451, "local error", "TemporaryFailure", ""),
    ("mail", 452, "disk full", "TemporaryFailure", ""),
    ("mail", 421, "try later", "TemporaryFailure", "slow_down"),
    ("mail", 530, "authentication required", "HostUnavailable", "is_our_fault"),
    ("mail", 535, "5.7.8 wrong password", "HostUnavailable", "is_our_fault"),
    ("mail", 550, "we do not know you", "HostUnavailable", "is_our_fault"),
    ("mail", 550, "5.1.1 no such user", "HostUnavailable", "is_our_fault"),
    ("mail", 553, "5.1.8 sender's domain does not exist", "HostUnavailable", "is_our_fault"),
    ("mail", 552, "too much for now", "TemporaryFailure", ""),
    ("data", 530, "no", "TemporaryFailure", "is_our_fault"),
    ("data", 534, "no", "TemporaryFailure", "is_our_fault"),
    ("data", 535, "no", "TemporaryFailure", "is_our_fault"),
    ("data", 538, "no", "TemporaryFailure", "is_our_fault"),
    ("rcpt", 530, "5.7.1 sign in first", "TemporaryFailure", "is_our_fault"),
    ("rcpt", 554, "5.7.1 <a@b.test>: Relay access denied", "TemporaryFailure", "is_our_fault"),
    ("rcpt", 550, "relay not permitted", "TemporaryFailure", "is_our_fault"),
    ("rcpt", 550, "5.7.1 <a@b.test>... Relaying denied", "TemporaryFailure", "is_our_fault"),
    ("rcpt", 550, "5.7.54 SMTP; Unable to relay recipient", "TemporaryFailure", "is_our_fault"),
    ("rcpt", 550, "5.7.1 Unable to relay for a@b.test", "TemporaryFailure", "is_our_fault"),
    (
        "rcpt",
        553,
        "sorry, not in my list of allowed rcpthosts (#5.7.1)",
        "TemporaryFailure",
        "is_our_fault",
    ),
    (
        "rcpt",
        550,
        "5.1.8 <x@y>: Sender address rejected: Domain not found",
        "TemporaryFailure",
        "is_our_fault",
    ),
    ("rcpt", 553, "5.7.1 <x@y>: Sender address rejected: not owned", "TemporaryFailure", "is_our_fault"),
    ("rcpt", 550, "Sender verify failed", "TemporaryFailure", "is_our_fault"),
    (
        "rcpt",
        504,
        "5.5.2 <x>: Helo command rejected: need a full name",
        "TemporaryFailure",
        "is_our_fault",
    ),
    ("rcpt", 554, "5.7.1 <x[10.0.0.1]>: Client host rejected", "TemporaryFailure", "is_our_fault"),
    (
        "data",
        550,
        "5.7.60 SMTP; Client does not have permissions to send as",
        "TemporaryFailure",
        "is_our_fault",
    ),
    ("data", 550, "5.7.26 unauthenticated mail is prohibited", "TemporaryFailure", "is_our_fault"),
    ("data", 550, "5.4.5 daily sending limit exceeded", "TemporaryFailure", "is_our_fault"),
    ("rcpt", 551, "not local", "PermanentFailure", "suppress"),
    ("rcpt", 551, "5.7.1 not local", "PermanentFailure", ""),
    ("rcpt", 550, "no such user", "PermanentFailure", "suppress"),
    ("rcpt", 550, "5.1.1 no such user", "PermanentFailure", "suppress"),
    ("data", 550, "5.1.1 no such user", "PermanentFailure", "suppress"),
    ("rcpt", 550, "5.7.1 policy", "PermanentFailure", ""),
    ("data", 550, "looks like spam", "PermanentFailure", ""),
    ("rcpt", 552, "5.2.2 full", "TemporaryFailure", ""),
    ("rcpt", 552, "full", "TemporaryFailure", ""),
    ("rcpt", 550, "5.2.2 full", "TemporaryFailure", ""),
    ("data", 552, "5.3.4 too big", "PermanentFailure", ""),
    ("rcpt", 553, "what address is that", "PermanentFailure", "suppress"),
    ("data", 554, "no", "PermanentFailure", ""),
    ("data", 220, "what?", "TemporaryFailure", ""),
    ("data", -1, "", "TemporaryFailure", ""),
]


@pytest.mark.parametrize(("stage", "code", "reply", "kind", "flag"), CASES)
def test_each_reply_maps_to_a_failure(stage: str, code: int, reply: str, kind: str, flag: str) -> None:
    failure = smtp_replies.failure(stage, code, reply)
    assert type(failure).__name__ == kind
    assert [name for name in ("slow_down", "suppress", "is_our_fault") if getattr(failure, name, False)] == (
        [flag] if flag else []
    )

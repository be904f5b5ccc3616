"""What SMTP replies mean."""

from __future__ import annotations

import pytest

from app.channels import smtp_replies


@pytest.mark.parametrize(
    ("stage", "code", "reply", "kind", "flag"),
    [
        ("data", 421, "4.7.0 slow down", "TemporaryFailure", "slow_down"),
        ("rcpt", 450, "4.2.0 greylisted", "TemporaryFailure", ""),
        ("data", 451, "local error", "TemporaryFailure", ""),
        ("mail", 452, "disk full", "TemporaryFailure", ""),
        ("mail", 530, "authentication required", "HostUnavailable", ""),
        ("mail", 550, "we do not know you", "TemporaryFailure", ""),
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
    ],
)
def test_each_reply_maps_to_a_failure(stage: str, code: int, reply: str, kind: str, flag: str) -> None:
    failure = smtp_replies.failure(stage, code, reply)
    assert type(failure).__name__ == kind
    assert [name for name in ("slow_down", "suppress") if getattr(failure, name, False)] == (
        [flag] if flag else []
    )

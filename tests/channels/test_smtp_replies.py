"""How SMTP replies are classified."""

from __future__ import annotations

import pytest

from app.channels import smtp_replies

NO_SUCH_MAILBOX = ("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1")
OUR_FAULT = (
    *("5.1.7", "5.1.8", "5.1.90", "5.4.5", "5.7.3", "5.7.8", "5.7.9", "5.7.11", "5.7.14", "5.7.20", "5.7.21"),
    *("5.7.22", "5.7.23", "5.7.25", "5.7.26", "5.7.27", "5.7.54", "5.7.57", "5.7.60", "5.7.64"),
)
REPLIES = {
    ("TemporaryFailure", "slow_down"): [
        ("data", 421, "4.7.0 slow down"),
        ("mail", 421, "try later"),
    ],
    ("TemporaryFailure", ""): [
        ("rcpt", 450, "4.2.0 greylisted"),
        ("data", 451, "local error"),
        ("mail", 452, "disk full"),
        ("mail", 552, "too much for now"),
        ("rcpt", 552, "5.2.2 full"),
        ("rcpt", 552, "full"),
        ("rcpt", 550, "5.2.2 full"),
        ("data", 220, "what?"),
        ("data", -1, ""),
    ],
    ("HostUnavailable", "is_our_fault"): [
        ("mail", 530, "authentication required"),
        ("mail", 535, "5.7.8 wrong password"),
        ("mail", 550, "we do not know you"),
        ("mail", 550, "5.1.1 no such user"),
        ("mail", 553, "5.1.8 sender's domain does not exist"),
    ],
    ("TemporaryFailure", "is_our_fault"): [
        ("data", 530, "no"),
        ("data", 534, "no"),
        ("data", 535, "no"),
        ("data", 538, "no"),
        ("rcpt", 530, "5.7.1 sign in first"),
        ("rcpt", 554, "5.7.1 <a@b.test>: Relay access denied"),
        ("rcpt", 550, "relay not permitted"),
        ("rcpt", 550, "5.7.1 <a@b.test>... Relaying denied"),
        ("rcpt", 550, "5.7.54 SMTP; Unable to relay recipient"),
        ("rcpt", 550, "5.7.1 Unable to relay for a@b.test"),
        ("rcpt", 553, "sorry, not in my list of allowed rcpthosts (#5.7.1)"),
        ("rcpt", 550, "5.1.8 <x@y>: Sender address rejected: Domain not found"),
        ("rcpt", 553, "5.7.1 <x@y>: Sender address rejected: not owned"),
        ("rcpt", 550, "Sender verify failed"),
        ("rcpt", 504, "5.5.2 <x>: Helo command rejected: need a full name"),
        ("rcpt", 554, "5.7.1 <x[10.0.0.1]>: Client host rejected"),
        ("data", 550, "5.7.60 SMTP; Client does not have permissions to send as"),
        ("data", 550, "5.7.26 unauthenticated mail is prohibited"),
        ("data", 550, "5.4.5 daily sending limit exceeded"),
        ("rcpt", 550, "sender domain must exist"),
        ("rcpt", 550, "authentication is required"),
        ("rcpt", 550, "you must be authenticated"),
        ("rcpt", 550, "not authenticated"),
        ("rcpt", 550, "must issue a STARTTLS command first"),
        *(("data", 550, f"{code} no") for code in OUR_FAULT),
    ],
    ("PermanentFailure", "suppress"): [
        ("rcpt", 551, "not local"),
        ("rcpt", 550, "no such user"),
        ("rcpt", 550, "5.1.1 no such user"),
        ("data", 550, "5.1.1 no such user"),
        ("rcpt", 553, "what address is that"),
        *(("data", 550, f"{code} no") for code in NO_SUCH_MAILBOX),
    ],
    ("PermanentFailure", ""): [
        ("rcpt", 551, "5.7.1 not local"),
        ("rcpt", 550, "5.7.1 policy"),
        ("data", 550, "looks like spam"),
        ("data", 552, "5.3.4 too big"),
        ("data", 552, "5.2.3 too big"),
        ("data", 554, "no"),
    ],
}
CASES = [(*reply, *meaning) for meaning, replies in REPLIES.items() for reply in replies]


@pytest.mark.parametrize(("stage", "code", "reply", "kind", "flag"), CASES)
def test_each_reply_maps_to_a_failure(stage: str, code: int, reply: str, kind: str, flag: str) -> None:
    failure = smtp_replies.failure(stage, code, reply)
    assert type(failure).__name__ == kind
    assert [name for name in ("slow_down", "suppress", "is_our_fault") if getattr(failure, name, False)] == (
        [flag] if flag else []
    )

"""What an SMTP answer means, as a table: codes decide, not exception classes."""

from __future__ import annotations

import re

from app.channels.base import DeliveryError, HostUnavailable, PermanentFailure, TemporaryFailure

# Enhanced codes (RFC 3463) by which a server says that the mailbox does not exist.
NO_SUCH_MAILBOX = {"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"}
NO_CODE = {""}
ANY: set[str] = set()

# (at which command, beginning of the code, enhanced codes, what it means); the first that fits counts.
RULES: tuple[tuple[str, str, set[str], str], ...] = (
    ("", "421", ANY, "slow_down"),
    # "Authentication required" and its kin speak of our account, not of the recipient.
    ("", "530", ANY, "unavailable"),
    ("", "534", ANY, "unavailable"),
    ("", "535", ANY, "unavailable"),
    ("", "538", ANY, "unavailable"),
    ("", "5", NO_SUCH_MAILBOX, "suppress"),
    ("rcpt", "550", NO_CODE, "suppress"),
    ("rcpt", "551", NO_CODE, "suppress"),
    ("rcpt", "553", NO_CODE, "suppress"),
    ("", "5", {"5.2.2"}, "temporary"),  # mailbox full
    ("", "552", {"5.3.4", "5.2.3"}, "permanent"),  # message too big
    ("", "552", ANY, "temporary"),  # RFC 5321, 4.5.3.1.10: treat as 452
    # Our own sender address is refused: an admin can mend that, the recipient cannot.
    ("mail", "5", ANY, "temporary"),
    ("", "5", ANY, "permanent"),
)


def failure(stage: str, code: int, answer: str) -> DeliveryError:
    """The failure that an answer stands for.

    Args:
        stage: the command that was answered: `mail`, `rcpt` or `data`.
        code: the three digits; anything that is no refusal (a garbled answer) is temporary.
        answer: the server's words after the code.
    """
    text = f"{code} {answer}".strip()
    meaning = _meaning(stage, str(code), answer)
    if meaning == "unavailable":
        return HostUnavailable(text)
    if meaning in {"permanent", "suppress"}:
        return PermanentFailure(text, suppress=meaning == "suppress")
    return TemporaryFailure(text, slow_down=meaning == "slow_down")


def _meaning(stage: str, code: str, answer: str) -> str:
    match = re.match(r"[245]\.\d{1,3}\.\d{1,3}\b", answer)
    enhanced = match[0] if match else ""
    for at, beginning, codes, meaning in RULES:
        if at in {"", stage} and code.startswith(beginning) and (not codes or enhanced in codes):
            return meaning
    return "temporary"

"""Maps SMTP replies to failures by their codes."""

from __future__ import annotations

import re

from app.channels.base import DeliveryError, HostUnavailable, PermanentFailure, TemporaryFailure

# Enhanced codes (RFC 3463) for a mailbox that does not exist.
NO_SUCH_MAILBOX = {"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"}
NO_CODE = {""}
ANY: set[str] = set()

# (command, beginning of the code, enhanced codes, meaning). The first match counts.
RULES: tuple[tuple[str, str, set[str], str], ...] = (
    ("", "421", ANY, "slow_down"),
    # "Authentication required" and similar replies concern our account, not the recipient.
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
    # Our From address is rejected: an admin can fix that.
    ("mail", "5", ANY, "temporary"),
    ("", "5", ANY, "permanent"),
)


def failure(stage: str, code: int, reply: str) -> DeliveryError:
    """Return the failure that a reply means.

    Args:
        stage: the command that was replied to: `mail`, `rcpt` or `data`.
        code: the three digits. Anything that is not a rejection, such as a garbled reply, is temporary.
        reply: the text after the code.
    """
    text = f"{code} {reply}".strip()
    meaning = _meaning(stage, str(code), reply)
    if meaning == "unavailable":
        return HostUnavailable(text)
    if meaning in {"permanent", "suppress"}:
        return PermanentFailure(text, suppress=meaning == "suppress")
    return TemporaryFailure(text, slow_down=meaning == "slow_down")


def _meaning(stage: str, code: str, reply: str) -> str:
    match = re.match(r"[245]\.\d{1,3}\.\d{1,3}\b", reply)
    enhanced = match[0] if match else ""
    for at, beginning, codes, meaning in RULES:
        if at in {"", stage} and code.startswith(beginning) and (not codes or enhanced in codes):
            return meaning
    return "temporary"

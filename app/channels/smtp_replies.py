"""Maps SMTP replies to failures by their codes."""

from __future__ import annotations

import re
from typing import NamedTuple

from app.channels.base import DeliveryError, HostUnavailable, PermanentFailure, TemporaryFailure

# Enhanced codes (RFC 3463) for a mailbox that does not exist.
NO_SUCH_MAILBOX = {"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"}
# Our sender address, our account, our encryption or our host is rejected (RFC 3463, 7372, 4954; Exchange, Gmail).
OUR_FAULT = {
    *("5.1.7", "5.1.8", "5.1.90", "5.4.5", "5.7.3", "5.7.8", "5.7.9", "5.7.11", "5.7.14"),
    *(
        "5.7.20",
        "5.7.21",
        "5.7.22",
        "5.7.23",
        "5.7.25",
        "5.7.26",
        "5.7.27",
        "5.7.54",
        "5.7.57",
        "5.7.60",
        "5.7.64",
    ),
}
# The same where there is no such code, in the words of Postfix, Exim, sendmail, qmail and Exchange.
OUR_FAULT_WORDS = re.compile(
    r"relay (access )?(denied|not permitted|prohibited)|relaying (denied|prohibited|not allowed)"
    r"|(unable|not permitted) to relay|rcpthosts|client host rejected|(helo|ehlo) command rejected"
    r"|sender (address |verify )?(rejected|failed)|sender domain"
    r"|authentication (is )?required|must (be )?authenticate|not authenticated|must issue a starttls",
    re.IGNORECASE,
)
NO_CODE = {""}
ANY: set[str] = set()
NO_WORDS = re.compile("")


class Rule(NamedTuple):
    """The meaning of a reply: the command it replies to, the beginning of its code, its enhanced codes, its words."""

    stage: str
    code: str
    enhanced: set[str]
    words: re.Pattern[str]
    meaning: str


# The first match counts; "" and empty sets match everything.
RULES: tuple[Rule, ...] = (
    Rule("", "421", ANY, NO_WORDS, "slow_down"),
    # Replies that concern our account, not the recipient. Until there is a recipient, they concern every message.
    Rule("", "530", ANY, NO_WORDS, "our_fault"),
    Rule("", "534", ANY, NO_WORDS, "our_fault"),
    Rule("", "535", ANY, NO_WORDS, "our_fault"),
    Rule("", "538", ANY, NO_WORDS, "our_fault"),
    Rule("", "5", OUR_FAULT, NO_WORDS, "our_fault"),
    Rule("mail", "552", ANY, NO_WORDS, "temporary"),
    Rule("mail", "5", ANY, NO_WORDS, "our_fault"),
    Rule("", "5", NO_SUCH_MAILBOX, NO_WORDS, "suppress"),
    Rule("", "5", ANY, OUR_FAULT_WORDS, "our_fault"),
    Rule("rcpt", "550", NO_CODE, NO_WORDS, "suppress"),
    Rule("rcpt", "551", NO_CODE, NO_WORDS, "suppress"),
    Rule("rcpt", "553", NO_CODE, NO_WORDS, "suppress"),
    Rule("", "5", {"5.2.2"}, NO_WORDS, "temporary"),  # mailbox full
    Rule("", "552", {"5.3.4", "5.2.3"}, NO_WORDS, "permanent"),  # message too big
    Rule("", "552", ANY, NO_WORDS, "temporary"),  # RFC 5321, 4.5.3.1.10: treat as 452
    Rule("", "5", ANY, NO_WORDS, "permanent"),
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
    if meaning == "our_fault":
        if stage == "mail":
            return HostUnavailable(text, is_our_fault=True)
        # Another recipient may be allowed: many servers relay for some domains only.
        return TemporaryFailure(text, is_our_fault=True)
    if meaning in {"permanent", "suppress"}:
        return PermanentFailure(text, suppress=meaning == "suppress")
    return TemporaryFailure(text, slow_down=meaning == "slow_down")


def _meaning(stage: str, code: str, reply: str) -> str:
    match = re.match(r"[245]\.\d{1,3}\.\d{1,3}\b", reply)
    enhanced = match[0] if match else ""
    for rule in RULES:
        if (
            rule.stage in {"", stage}
            and code.startswith(rule.code)
            and (not rule.enhanced or enhanced in rule.enhanced)
            and rule.words.search(reply)
        ):
            return rule.meaning
    return "temporary"

"""Each row of the tables of replies and retries changes the result of at least one recorded case."""

from __future__ import annotations

import dataclasses
import re

import pytest

from app import catalog
from app.channels import retry_schedule, smtp_replies
from app.clock import utc_now
from tests.channels import test_smtp_replies

CASES = test_smtp_replies.CASES
# Each attempt of each schedule and the wait before it.
SCHEDULES = {
    "email": [60, 300, 900, 1800, 3600, 7200, 14400, *[28800] * 11, None],
    "sms": [5, 30, 120, 600, 3600, None],
    "push": [5, 30, 120, 600, 3600, None],
    "slack": [5, 30, 120, 600, 3600, None],
    "teams": [5, 30, 120, 600, 3600, None],
    "webhook": [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400, None],
}


def answers() -> list[tuple[str, bool, bool, bool]]:
    found = [smtp_replies.failure(stage, code, reply) for stage, code, reply, _kind, _flag in CASES]
    flags = ("slow_down", "suppress", "is_our_fault")
    return [(type(error).__name__, *(getattr(error, flag, False) for flag in flags)) for error in found]


@pytest.mark.parametrize("number", range(len(smtp_replies.RULES)))
def test_each_rule_for_smtp_replies_changes_a_case(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    before, rules = answers(), smtp_replies.RULES
    monkeypatch.setattr(smtp_replies, "RULES", rules[:number] + rules[number + 1 :])
    assert answers() != before, rules[number]


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (number, code)
        for number, rule in enumerate(smtp_replies.RULES)
        for code in sorted(rule.enhanced - {""})
    ],
)
def test_each_enhanced_code_of_a_rule_changes_a_case(
    number: int, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, rules = answers(), list(smtp_replies.RULES)
    rules[number] = rules[number]._replace(enhanced=rules[number].enhanced - {code} or {"none"})
    monkeypatch.setattr(smtp_replies, "RULES", tuple(rules))
    assert answers() != before


@pytest.mark.parametrize("words", re.split(r"\|(?![^(]*\))", smtp_replies.OUR_FAULT_WORDS.pattern))
def test_each_phrase_of_our_fault_changes_a_case(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = answers()
    others = smtp_replies.OUR_FAULT_WORDS.pattern.replace(words, "no such words")
    rules = [
        rule._replace(words=re.compile(others, re.IGNORECASE)) if rule.words.pattern else rule
        for rule in smtp_replies.RULES
    ]
    monkeypatch.setattr(smtp_replies, "RULES", tuple(rules))
    assert answers() != before


def waits(channel: str) -> list[float | None]:
    now = utc_now()
    return [
        at and (at - now).total_seconds()
        for attempts in range(1, len(SCHEDULES[channel]) + 1)
        for at in [retry_schedule.next_attempt_at(channel, attempts, now)]
    ]


def fits(channel: str) -> bool:
    return all(
        wanted is seconds or (wanted and seconds and 0.8 * wanted <= seconds <= 1.2 * wanted)
        for wanted, seconds in zip(SCHEDULES[channel], waits(channel), strict=True)
    )


@pytest.mark.parametrize(
    ("channel", "number"),
    [(channel, number) for channel, waited in SCHEDULES.items() for number in range(len(waited))],
)
def test_each_retry_of_each_schedule_is_kept(
    channel: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fits(channel)
    spec = catalog.CHANNELS[channel]
    seconds = spec.retry_seconds[:number] + spec.retry_seconds[number + 1 :]
    monkeypatch.setitem(catalog.CHANNELS, channel, dataclasses.replace(spec, retry_seconds=seconds))
    assert not fits(channel)


def test_every_channel_with_retries_has_a_recorded_schedule() -> None:
    assert {name for name, spec in catalog.CHANNELS.items() if spec.is_outgoing} == set(SCHEDULES)

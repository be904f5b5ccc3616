"""Teams: what is posted fits its limits, and each response has its result."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.channels import teams
from app.channels.base import Card, DeliveryError, Message, PermanentFailure, TemporaryFailure
from app.channels.teams import TeamsChannel
from tests.support.teams import check_message
from tests.support.web import Reply, WebServer

CARD = Card(
    title="Priya Raman: interview booked",
    text="Thu 12 Mar 14:00 · R&D *Lead*",
    facts=(("When", "Thursday 12 March, 14:00 to 15:00 (Paris time)"), ("Job", "R&D *Lead*")),
    button=("Join the interview", "https://meet.example.com/iv-1?a=1&b=2"),
    links=(("Read in Bellhop", "https://bellhop.example.com/notifications/5"),),
    reason="You get this because you're a recruiter on this interview.",
)


def message(server: WebServer) -> Message:
    path = "/workflows/1/triggers/manual/paths/invoke?api-version=2016-06-01&sig=planted"
    return Message(id="msg_7_1", address=server.url + path, subject="", text="", card=CARD)


def channel() -> TeamsChannel:
    return TeamsChannel(may_reach=lambda address: address.is_loopback)


def test_a_card_has_title_text_facts_reason_button_and_link(web_server: WebServer) -> None:
    web_server.usual = Reply(202, b"")
    assert channel().send(message(web_server)).response == "202"
    (call,) = web_server.calls
    assert call.path.endswith("&sig=planted")
    card = check_message(call.body)
    title, text, facts, reason = card["body"]
    assert (title["text"], title["style"]) == (CARD.title, "heading")
    # An asterisk would begin bold letters.
    assert text["text"] == "Thu 12 Mar 14:00 · R&D \u034f*Lead\u034f*"
    assert facts["facts"][0] == {"title": "When", "value": CARD.facts[0][1]}
    assert reason["text"] == CARD.reason
    assert [(action["title"], action["url"]) for action in card["actions"]] == [CARD.button, *CARD.links]


texts = st.text(alphabet=st.sampled_from('ab <>&"\\*_[]\n\N{WINKING FACE}é'), max_size=400).map(
    lambda text: text * 20
)


@given(title=texts, text=texts, facts=st.lists(st.tuples(texts, texts), max_size=14), reason=texts)
def test_whatever_people_typed_fits_the_limits(
    title: str, text: str, facts: list[tuple[str, str]], reason: str
) -> None:
    check_message(teams.render(replace(CARD, title=title, text=text, facts=tuple(facts), reason=reason)))


@pytest.mark.parametrize(
    ("status", "kind", "suppress"),
    [
        *((status, PermanentFailure, True) for status in (401, 403, 404, 410)),
        *((status, PermanentFailure, False) for status in (400, 413)),
        *((status, TemporaryFailure, False) for status in (302, 408, 429, 500, 502, 503)),
    ],
)
def test_each_response_has_its_result(
    status: int, kind: type[DeliveryError], suppress: bool, web_server: WebServer
) -> None:
    web_server.usual = Reply(status, b"", {"Retry-After": "9"})
    with pytest.raises(kind, match=str(status)) as caught:
        channel().send(message(web_server))
    assert getattr(caught.value, "suppress", False) == suppress
    assert "planted" not in str(caught.value)
    if kind is TemporaryFailure:
        assert caught.value.retry_after == 9.0  # type: ignore[attr-defined]


def test_the_configured_channel_refuses_private_addresses(web_server: WebServer) -> None:
    with pytest.raises(PermanentFailure, match="not a public address"):
        teams.connect().send(message(web_server))
    assert web_server.calls == []

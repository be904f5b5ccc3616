"""The last searches of a person, and of nobody else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from app.models import User
from app.services import recents
from app.services.base.errors import Invalid
from tests import factories

NOW = datetime(2026, 3, 12, 12, tzinfo=UTC)


@pytest.fixture
def owner(app: Flask) -> User:
    return factories.user("owner@example.test")


def test_the_last_six_are_kept_newest_first_each_once(any_app: Flask) -> None:
    owner = factories.user("anywhere@example.test")
    for minutes in range(8):
        recents.remember(owner, f"word{minutes}", NOW + timedelta(minutes=minutes))
    recents.remember(owner, "  word3 ", NOW + timedelta(hours=1))
    assert recents.listed(owner) == ["word3", "word7", "word6", "word5", "word4", "word2"]


def test_what_asks_for_nothing_or_for_nonsense_is_not_kept(owner: User) -> None:
    recents.remember(owner, "  ")
    with pytest.raises(Invalid):
        recents.remember(owner, "is:nonsense")
    assert recents.listed(owner) == []


def test_they_are_forgotten_on_request_and_anothers_stay(owner: User) -> None:
    other = factories.user("other@example.test")
    recents.remember(owner, "mine")
    recents.remember(other, "theirs")
    recents.forget(owner)
    assert (recents.listed(owner), recents.listed(other)) == ([], ["theirs"])

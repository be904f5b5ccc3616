"""A person's recent searches."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from app.models import User
from app.services.base.errors import Invalid
from app.services.notifications import recent_searches
from tests.support import factories

NOW = datetime(2026, 3, 12, 12, tzinfo=UTC)


@pytest.fixture
def owner(app: Flask) -> User:
    return factories.user("owner@example.test")


def test_the_last_six_searches_are_kept_newest_first_without_duplicates(any_app: Flask) -> None:
    owner = factories.user("anywhere@example.test")
    for minutes in range(8):
        recent_searches.remember(owner, f"word{minutes}", NOW + timedelta(minutes=minutes))
    recent_searches.remember(owner, "  word3 ", NOW + timedelta(hours=1))
    assert recent_searches.recent_searches(owner) == ["word3", "word7", "word6", "word5", "word4", "word2"]


def test_empty_and_invalid_searches_are_not_kept(owner: User) -> None:
    recent_searches.remember(owner, "  ")
    with pytest.raises(Invalid):
        recent_searches.remember(owner, "is:nonsense")
    assert recent_searches.recent_searches(owner) == []


def test_clearing_recent_searches_leaves_those_of_other_people(owner: User) -> None:
    other = factories.user("other@example.test")
    recent_searches.remember(owner, "mine")
    recent_searches.remember(other, "theirs")
    recent_searches.forget(owner)
    assert (recent_searches.recent_searches(owner), recent_searches.recent_searches(other)) == (
        [],
        ["theirs"],
    )

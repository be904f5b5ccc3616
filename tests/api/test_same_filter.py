"""Page, API, saved view and bulk change find the same notifications for the same filter, in the same order."""

from __future__ import annotations

import random
import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app import catalog
from app.catalog import PLACES
from app.clock import utc_now
from tests.support import factories

WORDS = ("Priya", "Éloïse", "résumé", "50%", "a_b", "Ønsk", "O'Hara", "data", "engineer", "C++")
WORD = st.sampled_from(WORDS).flatmap(
    lambda word: st.sampled_from([word, word.upper(), word.lower(), word[:2], word + "x"])
)
TERM = st.sampled_from(
    [
        *(f"is:{state}" for state in ("unread", "read", "saved", "done", "later", "inbox")),
        *(f"type:{name}" for name in (*catalog.CATEGORIES, "job_created")),
        *(f"priority:{name}" for name in catalog.PRIORITIES),
        *(f"status:{name}" for name in catalog.STATUSES),
        *(f"{name}:{day}" for name in ("from", "before") for day in ("today", "yesterday", "2026-01-01")),
        '"data engineer"',
    ]
)
SEARCHES = st.lists(st.tuples(st.sampled_from(["", "", "-"]), WORD | TERM).map("".join), max_size=3).map(
    " ".join
)
FILTERS = st.fixed_dictionaries(
    {
        "place": st.sampled_from(PLACES),
        "category": st.lists(st.sampled_from(list(catalog.CATEGORIES)), max_size=3, unique=True),
        "priority": st.lists(st.sampled_from(catalog.PRIORITIES), max_size=3, unique=True),
        "search": SEARCHES,
    }
)


@pytest.fixture
def rows(alice, charlie):
    """Create sixty notifications in various states for Alice, two pages of the inbox, and sixty for Charlie."""
    alice.preference.stack_notifications = False  # Otherwise one row of the page could represent several.
    chance, now = random.Random(6), utc_now()
    for person in (alice, charlie):
        for number in range(60):
            arrived = now - timedelta(minutes=chance.randrange(3000))
            asleep = now + timedelta(hours=number + 1) if chance.random() < 0.15 else None
            factories.notification(
                person,
                " ".join(chance.sample(WORDS, 2)),
                notification_type=chance.choice(list(catalog.TYPES)),
                message=" ".join(chance.sample(WORDS, 2)),
                priority=chance.choice(catalog.PRIORITIES),
                created_at=arrived,
                surfaced_at=asleep or arrived,
                snoozed_until=asleep,
                read_at=now if chance.random() < 0.4 else None,
                archived_at=now if asleep is None and chance.random() < 0.1 else None,
                saved_at=now if chance.random() < 0.3 else None,
            )


@pytest.fixture
def shown(browser_of, alice, rows):
    """Return the ids on the inbox pages for a filter."""
    browser = browser_of(alice)

    def ids(wanted: dict[str, Any]) -> list[int]:
        answer = browser.get("/notifications", query_string={"q": wanted["search"], **wanted})
        assert answer.status_code == 200
        found = re.findall(r'<li class="row" id="n-(\d+)"', answer.text)
        while following := re.search(r'href="[^"]*[?&;]cursor=(n[^"&]+)', answer.text):
            answer = browser.get(
                "/notifications", query_string={"q": wanted["search"], **wanted, "cursor": following[1]}
            )
            found += re.findall(r'<li class="row" id="n-(\d+)"', answer.text)
        return [int(each) for each in found]

    return ids


@pytest.fixture
def listed(client, token, alice, rows):
    """Return the notifications that the API lists for a filter, page by page."""
    headers = token(alice)

    def found(wanted: dict[str, Any], limit: int) -> list[dict[str, Any]]:
        query: Any = {**wanted, "limit": limit, "fields": "id,saved_at"}
        page = client.get("/api/notifications/", query_string=query, headers=headers).json
        results = page["results"]
        while page["next"]:
            page = client.get(page["next"].removeprefix("http://bellhop.test"), headers=headers).json
            results += page["results"]
        return results

    return found


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=FILTERS, limit=st.integers(7, 200))
def test_page_api_saved_view_and_bulk_change_agree(client, token, alice, shown, listed, wanted, limit):
    headers = token(alice)
    answer = client.get("/api/notifications/", query_string=wanted, headers=headers)
    if answer.status_code == 422:
        assert [error["field"] for error in answer.json["errors"]] == ["search"]
        assert shown(wanted) == []
        return
    found = listed(wanted, limit)
    assert shown(wanted) == [row["id"] for row in found], repr(wanted)
    view = client.post("/api/notifications/views/", json={"name": "This", **wanted}, headers=headers).json
    assert view["count"] == len(found)
    kept = {name: sorted(view[name]) if isinstance(view[name], list) else view[name] for name in wanted}
    assert kept == {**wanted, "category": sorted(wanted["category"]), "priority": sorted(wanted["priority"])}
    client.delete(f"/api/notifications/views/{view['id']}/", headers=headers)
    change = {"action": "saved", "filter": wanted}
    made = client.post("/api/notifications/changes/", json=change, headers=headers).json
    assert made["updated"] == sum(row["saved_at"] is None for row in found)
    if made["id"]:
        client.post(f"/api/notifications/changes/{made['id']}/undo/", headers=headers)
    assert listed(wanted, limit) == found

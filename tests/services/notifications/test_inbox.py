"""Reading a person's notifications: pages, filters, places; another person's do not exist."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import event as sa_event
from sqlalchemy import insert, text

from app import catalog
from app.clock import utc_now
from app.database.base import db
from app.models import Notification, User
from app.services.base.errors import Invalid, NotFound
from app.services.notifications import actions, counts, inbox, json_list
from app.services.notifications.filters import Filters
from app.services.notifications.search_query import parse
from tests.support import factories


def test_pages_follow_each_other_in_both_directions_without_gaps(owner: User) -> None:
    start = utc_now() - timedelta(hours=1)
    # Pairs at the same instant differ only by id.
    made = [
        factories.notification(owner, f"N{n}", created_at=start + timedelta(minutes=n // 2))
        for n in range(11)
    ]
    first = inbox.page_for(owner, Filters(), limit=4)
    second = inbox.page_for(owner, Filters(), cursor=first.next, limit=4)
    third = inbox.page_for(owner, Filters(), cursor=second.next, limit=4)
    assert [n.id for page in (first, second, third) for n in page.rows] == [n.id for n in reversed(made)]
    assert (first.previous, third.next) == (None, None)
    back = inbox.page_for(owner, Filters(), cursor=third.previous, limit=4)
    assert [n.id for n in back.rows] == [n.id for n in second.rows]
    start_again = inbox.page_for(owner, Filters(), cursor=back.previous, limit=4)
    assert [n.id for n in start_again.rows] == [n.id for n in first.rows]
    assert start_again.previous is None


def test_snoozed_notifications_are_listed_soonest_first_in_pages_and_api(owner: User) -> None:
    now = utc_now()
    made = [factories.notification(owner, f"N{n}").id for n in range(9)]
    for n, number in enumerate(made):
        # Pairs at the same instant differ only by id.
        actions.change(owner, "snooze", ids=[number], until=now + timedelta(hours=1 + n // 2), now=now)
    db.session.expire_all()
    later = Filters(place="later")
    for service, reader in ((inbox, owner), (json_list, owner.id)):

        def ids(page: inbox.InboxPage | json_list.JsonPage) -> list[int]:
            rows = json.loads(page.rows) if isinstance(page, json_list.JsonPage) else page.rows
            return [row["id"] if isinstance(row, dict) else row.id for row in rows]

        first = service.page_for(reader, later, limit=4, now=now)
        second = service.page_for(reader, later, cursor=first.next, limit=4, now=now)
        third = service.page_for(reader, later, cursor=second.next, limit=4, now=now)
        assert [number for page in (first, second, third) for number in ids(page)] == made
        back = service.page_for(reader, later, cursor=third.previous, limit=4, now=now)
        start_again = service.page_for(reader, later, cursor=back.previous, limit=4, now=now)
        assert (ids(back), ids(start_again)) == (ids(second), ids(first))
        assert (first.previous, third.next, start_again.previous) == (None, None, None)


def test_metadata_with_large_numbers_can_be_read(any_app: Flask) -> None:
    """PostgreSQL writes 1e20 as an integer of more than 64 bits."""
    alice, data = factories.user("alice@example.test"), {"views": 1e20, "shares": 10**30, "ratio": -1.5e-7}
    number = factories.notification(alice, data=data).id
    (listed,) = json.loads(json_list.page_for(alice.id, Filters()).rows)
    seen = [listed, *(json.loads(json_list.get(alice, number, mark_read=marks)) for marks in (False, True))]
    assert [row["metadata"] for row in seen] == [data] * 3


@pytest.mark.parametrize("cursor", ["x", "é", "bm93", "bjIwMjYtMDEtMDF8MQ", "=" * 40, "0" * 5000])
def test_a_malformed_cursor_is_rejected(owner: User, cursor: str) -> None:
    with pytest.raises(Invalid, match="invalid"):
        inbox.page_for(owner, Filters(), cursor=cursor)


def test_filters_narrow_and_values_of_one_filter_are_alternatives(owner: User, stranger: User) -> None:
    urgent = factories.notification(owner, "Priya Raman moved", priority="urgent")
    resume = factories.notification(
        owner, "100% parsed", notification_type="resume_processed", read_at=utc_now()
    )
    factories.notification(stranger, "Priya Raman moved", priority="urgent")

    def found(**filters: object) -> list[int]:
        return [n.id for n in inbox.page_for(owner, Filters(**filters)).rows]  # type: ignore[arg-type]

    assert found(priorities=("urgent",)) == [urgent.id]
    assert found(categories=("resume", "interview")) == [resume.id, urgent.id]
    assert found(categories=("resume",), priorities=("urgent",)) == []
    assert found(is_read=False) == [urgent.id]
    assert found(place="unread") == [urgent.id]
    assert found(search=parse("raman PRIYA", "UTC")) == [urgent.id]
    assert found(created_before=urgent.created_at) == []
    assert found(created_after=urgent.created_at) == [resume.id]


def test_scheduled_snoozed_expired_and_unwanted_notifications_are_not_in_the_inbox(owner: User) -> None:
    now = utc_now()
    factories.notification(owner, "scheduled", surfaced_at=now + timedelta(hours=1))
    factories.notification(owner, "unwanted", surfaced_at=None)
    factories.notification(owner, "expired", expires_at=now - timedelta(seconds=1))
    factories.notification(owner, "done", archived_at=now, read_at=now)
    seen = factories.notification(owner, "seen")
    assert [n.id for n in inbox.page_for(owner, Filters()).rows] == [seen.id]
    assert counts.unread_count(owner.id) == 1
    assert [n.title for n in inbox.page_for(owner, Filters(place="done")).rows] == ["done"]


@pytest.mark.parametrize("number", [0, -1, 2**63, 2**80])
def test_ids_outside_the_range_of_the_database_are_not_found(owner: User, number: int) -> None:
    with pytest.raises(NotFound):
        inbox.get(owner, number)
    assert actions.change(owner, "read", ids=[number]).count == 0


def test_another_persons_notification_is_not_found(owner: User, stranger: User) -> None:
    row = factories.notification(owner)
    for look in (inbox.get, inbox.detail):
        with pytest.raises(NotFound):
            look(stranger, row.id)
    with pytest.raises(NotFound):
        actions.mark_notification_as_read(row.id, stranger)
    assert not inbox.get(owner, row.id).is_read


@pytest.mark.long
def test_every_query_of_the_inbox_uses_an_index_among_100_000_rows(
    app: Flask, alice: User, charlie: User
) -> None:
    for start in range(0, 100_000, 10_000):
        rows = [
            factories.notification_values(alice if n % 2 else charlie, n)
            for n in range(start, start + 10_000)
        ]
        db.session.execute(insert(Notification), rows)
    db.session.execute(
        text("UPDATE notifications SET archived_at = created_at, read_at = created_at WHERE id % 3 = 0")
    )
    db.session.execute(text("UPDATE notifications SET saved_at = created_at WHERE id % 50 < 2"))
    put_off = "UPDATE notifications SET snoozed_until = :until, surfaced_at = :until WHERE id % 100 > 97"
    db.session.execute(text(put_off), {"until": "2099-01-01 00:00:00.000000"})
    db.session.commit()
    db.session.execute(text("ANALYZE"))
    seen: list[tuple[str, tuple[object, ...]]] = []
    sa_event.listen(db.engine, "before_cursor_execute", lambda *a: seen.append((a[2], a[3])))
    for place in catalog.PLACES:
        page = inbox.page_for(alice, Filters(place=place))
        assert len(page.rows) == 50
        inbox.page_for(alice, Filters(place=place, categories=("interview",)), cursor=page.next)
    counts.unread_count(alice.id)
    queries, connection = list(seen), db.session.connection().connection.dbapi_connection
    assert connection is not None
    for statement, parameters in queries:
        plan = [str(row[3]) for row in connection.execute("EXPLAIN QUERY PLAN " + statement, parameters)]
        # The other steps name a part of the statement or read the one row that a part returned.
        looks = [step for step in plan if step.startswith(("SEARCH notifications", "SCAN notifications"))]
        assert looks, (statement, plan)
        assert all(step.startswith("SEARCH") and "USING" in step and "INDEX" in step for step in looks), (
            statement,
            plan,
        )
        assert not any("TEMP B-TREE" in step for step in plan), (statement, plan)

"""A person's notifications: found, counted, changed and brought back; another's do not exist."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import event as sa_event
from sqlalchemy import insert, text

from app.clock import utc_now
from app.database.base import db
from app.models import Notification, User
from app.services.base.errors import Invalid, NotFound
from app.services.notifications import inbox, json_list, places
from app.services.notifications.inbox import Filters
from app.services.notifications.search_query import parse
from tests.support import factories


@pytest.fixture
def owner(any_app: Flask) -> User:
    return factories.user("alice@example.test")


@pytest.fixture
def stranger(any_app: Flask) -> User:
    return factories.user("charlie@example.test")


def states(user: User) -> list[tuple[object, ...]]:
    db.session.expire_all()
    rows = db.session.query(Notification).filter_by(recipient_id=user.id).order_by(Notification.id)
    return [
        (n.id, n.status, n.read_at, n.archived_at, n.saved_at, n.snoozed_until, n.surfaced_at) for n in rows
    ]


def test_pages_follow_each_other_in_both_directions_without_a_gap(owner: User) -> None:
    start = utc_now() - timedelta(hours=1)
    # Pairs at the very same instant: only the id tells them apart.
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


def test_what_is_put_off_comes_soonest_first_page_by_page_for_people_and_programs_alike(owner: User) -> None:
    now = utc_now()
    made = [factories.notification(owner, f"N{n}").id for n in range(9)]
    for n, number in enumerate(made):
        # Pairs at the very same instant: only the id tells them apart.
        inbox.change(owner, "snooze", ids=[number], until=now + timedelta(hours=1 + n // 2), now=now)
    db.session.expire_all()
    later = Filters(place="later")
    for service in (inbox, json_list):

        def ids(page: inbox.InboxPage | json_list.JsonPage) -> list[int]:
            rows = json.loads(page.rows) if isinstance(page, json_list.JsonPage) else page.rows
            return [row["id"] if isinstance(row, dict) else row.id for row in rows]

        first = service.page_for(owner, later, limit=4, now=now)
        second = service.page_for(owner, later, cursor=first.next, limit=4, now=now)
        third = service.page_for(owner, later, cursor=second.next, limit=4, now=now)
        assert [number for page in (first, second, third) for number in ids(page)] == made
        back = service.page_for(owner, later, cursor=third.previous, limit=4, now=now)
        start_again = service.page_for(owner, later, cursor=back.previous, limit=4, now=now)
        assert (ids(back), ids(start_again)) == (ids(second), ids(first))
        assert (first.previous, third.next, start_again.previous) == (None, None, None)


@pytest.mark.parametrize("cursor", ["x", "é", "bm93", "bjIwMjYtMDEtMDF8MQ", "=" * 40, "0" * 5000])
def test_a_damaged_cursor_is_refused_in_words(owner: User, cursor: str) -> None:
    with pytest.raises(Invalid, match="damaged"):
        inbox.page_for(owner, Filters(), cursor=cursor)


def test_filters_narrow_and_values_of_one_widen(owner: User, stranger: User) -> None:
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


def test_what_is_scheduled_snoozed_expired_or_unwanted_is_not_in_the_inbox(owner: User) -> None:
    now = utc_now()
    factories.notification(owner, "scheduled", surfaced_at=now + timedelta(hours=1))
    factories.notification(owner, "unwanted", surfaced_at=None)
    factories.notification(owner, "expired", expires_at=now - timedelta(seconds=1))
    factories.notification(owner, "done", archived_at=now, read_at=now)
    seen = factories.notification(owner, "seen")
    assert [n.id for n in inbox.page_for(owner, Filters()).rows] == [seen.id]
    assert inbox.unread_count(owner.id) == 1
    assert [n.title for n in inbox.page_for(owner, Filters(place="done")).rows] == ["done"]


@pytest.mark.parametrize("action", ["read", "unread", "done", "undone"])
def test_every_action_is_undone_exactly(owner: User, stranger: User, action: str) -> None:
    then = utc_now() - timedelta(days=1)
    factories.notification(owner, "unread")
    factories.notification(owner, "read", read_at=then)
    factories.notification(owner, "done", read_at=then, archived_at=then)
    factories.notification(stranger, "another's")
    before, others, version = states(owner), states(stranger), owner.inbox_version
    made = inbox.change(owner, action, ids=[row[0] for row in before + others])
    assert made.count > 0
    assert states(owner) != before
    assert states(stranger) == others
    assert owner.inbox_version > version
    assert inbox.undo(owner, made.id).count == made.count
    assert states(owner) == before
    inbox.undo(owner, made.id)
    assert states(owner) == before


def test_doing_it_again_changes_nothing_and_offers_no_undo(owner: User) -> None:
    row = factories.notification(owner)
    assert inbox.change(owner, "read", ids=[row.id]).count == 1
    again = inbox.change(owner, "read", ids=[row.id])
    assert (again.count, again.id) == (0, None)


def test_an_undo_is_nobody_elses_and_ends_after_ten_minutes(owner: User, stranger: User) -> None:
    row = factories.notification(owner)
    made = inbox.change(owner, "done", ids=[row.id])
    with pytest.raises(NotFound):
        inbox.undo(stranger, made.id)
    with pytest.raises(NotFound):
        inbox.undo(owner, made.id, now=utc_now() + timedelta(minutes=11))
    assert states(owner)[0][3] is not None


def test_all_that_match_are_changed_beyond_the_page_in_a_handful_of_statements(owner: User) -> None:
    rows = [values(owner, n) for n in range(3000)]
    db.session.execute(insert(Notification), rows)
    db.session.commit()
    statements: list[str] = []
    sa_event.listen(db.engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
    made = inbox.change(owner, "read", filters=Filters(categories=("interview",)))
    assert made.count == 3000
    assert len(statements) <= 5
    assert inbox.unread_count(owner.id) == 0
    inbox.undo(owner, made.id)
    assert inbox.unread_count(owner.id) == 3000


@pytest.mark.parametrize("number", [0, -1, 2**63, 2**80])
def test_ids_beyond_the_database_are_simply_not_there(owner: User, number: int) -> None:
    with pytest.raises(NotFound):
        inbox.get(owner, number)
    assert inbox.change(owner, "read", ids=[number]).count == 0


def test_anothers_notification_is_not_found(owner: User, stranger: User) -> None:
    row = factories.notification(owner)
    for look in (inbox.get, inbox.detail):
        with pytest.raises(NotFound):
            look(stranger, row.id)
    with pytest.raises(NotFound):
        inbox.mark_notification_as_read(row.id, stranger)
    assert not inbox.get(owner, row.id).is_read


def test_the_summary_counts_what_is_there(owner: User, stranger: User) -> None:
    factories.notification(owner, priority="urgent")
    old = factories.notification(
        owner, notification_type="job_created", read_at=utc_now(), created_at=utc_now() - timedelta(days=20)
    )
    factories.delivery(old, state="sent", reason="sent")
    factories.notification(stranger)
    assert inbox.summary(owner) == {
        "total": 2,
        "unread": 1,
        "by_type": {"interview_scheduled": 1, "job_created": 1},
        "by_category": {"interview": 1, "job": 1},
        "by_priority": {"urgent": 1, "medium": 1},
        "by_status": {"sent": 1, "read": 1},
        "by_channel": {"email": 1},
        "last_7_days": 1,
        "last_30_days": 2,
    }


def values(user: User, number: int, when: datetime | None = None) -> dict[str, object]:
    when = when or utc_now() - timedelta(minutes=number)
    return {
        "recipient_id": user.id,
        "notification_type": "interview_scheduled",
        "category": "interview",
        "title": f"N{number}",
        "message": "m",
        "channels": ["in_app"],
        "created_at": when,
        "surfaced_at": when,
        "sent_at": when,
        "status": "sent",
    }


def test_every_query_of_the_inbox_uses_an_index_among_100_000_rows(
    app: Flask, alice: User, charlie: User
) -> None:
    for start in range(0, 100_000, 10_000):
        rows = [values(alice if n % 2 else charlie, n) for n in range(start, start + 10_000)]
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
    for place in places.PLACES:
        page = inbox.page_for(alice, Filters(place=place))
        assert len(page.rows) == 50
        inbox.page_for(alice, Filters(place=place, categories=("interview",)), cursor=page.next)
    inbox.unread_count(alice.id)
    queries, connection = list(seen), db.session.connection().connection.dbapi_connection
    assert connection is not None
    for statement, parameters in queries:
        plan = [str(row[3]) for row in connection.execute("EXPLAIN QUERY PLAN " + statement, parameters)]
        # The other steps only name the parts of a statement, or walk over the one row that a part of it answered.
        looks = [step for step in plan if step.startswith(("SEARCH notifications", "SCAN notifications"))]
        assert looks, (statement, plan)
        assert all(step.startswith("SEARCH") and "USING" in step and "INDEX" in step for step in looks), (
            statement,
            plan,
        )
        assert not any("TEMP B-TREE" in step for step in plan), (statement, plan)

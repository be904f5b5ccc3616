"""Stacks: notifications about the same subject on one day are shown as one row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.clock import utc_now
from app.database.base import db
from app.models import Notification, User
from app.rendering.texts import Texts
from app.services.base.recipients import Recipient
from app.services.events import data as event_data
from app.services.events import publish as event_publish
from app.services.events import python_api
from app.services.notifications import actions, counts, filters, inbox, search_query, stacks
from app.services.notifications import undo as notification_undo
from app.services.notifications.filters import Filters
from app.services.notifications.inbox import InboxPage
from app.services.routing import fanout
from tests.support import factories, statements

NOON = datetime(2026, 3, 12, 12, tzinfo=UTC)


@pytest.fixture
def reader(any_app: Flask) -> User:
    return factories.user("reader@example.test")


def rows(reader: User, *keys: str, **fields: Any) -> list[Notification]:
    """One row for each key, the first the newest; "" is not stacked."""
    now = utc_now()
    return [
        factories.notification(
            reader, f"{key or 'alone'} {n}", stack_key=key, created_at=now - timedelta(minutes=n), **fields
        )
        for n, key in enumerate(keys)
    ]


def stacked(reader: User, filters: Filters | None = None, **options: Any) -> InboxPage:
    return inbox.page_for(reader, filters or Filters(), is_stacked=True, **options)


def titles(some: Sequence[Notification]) -> list[str]:
    return [row.title for row in some]


def test_a_stack_is_shown_as_its_newest_row_with_a_count(reader: User) -> None:
    made = rows(reader, "a", "", "a", "b", "a", "b", "c", "")
    actions.change(reader, "read", ids=[made[0].id])
    page = stacked(reader)
    assert titles(page.rows) == ["a 0", "alone 1", "b 3", "c 6", "alone 7"]
    assert {key: (stack.count, stack.unread) for key, stack in page.stacks.items()} == {
        "a": (3, 2),
        "b": (2, 2),
    }


def test_without_stacking_every_row_is_listed(reader: User) -> None:
    rows(reader, "a", "a")
    page = inbox.page_for(reader, Filters())
    assert (len(page.rows), page.stacks) == (2, {})


def test_a_stack_contains_only_rows_of_the_list(reader: User) -> None:
    other = factories.user("other@example.test")
    rows(other, "a", "a")
    mine = rows(reader, "a", "a", "a", "a")
    actions.change(reader, "done", ids=[mine[0].id])
    actions.change(reader, "read", ids=[mine[1].id])
    assert titles(stacked(reader).rows) == ["a 1"]
    assert stacked(reader).stacks["a"].count == 3
    assert titles(stacked(reader, Filters(place="unread")).rows) == ["a 2"]
    assert stacked(reader, Filters(place="done")).stacks == {}
    found = stacked(reader, Filters(search=search_query.parse("a -2", "UTC")))
    assert (titles(found.rows), found.stacks["a"].count) == (["a 1"], 2)


def test_pages_of_stacks_list_each_stack_once(reader: User) -> None:
    rows(reader, *(key for n in range(30) for key in (f"k{n}", f"k{n}", f"k{n // 2 + 50}")))
    whole = titles(stacked(reader, limit=100).rows)
    seen, cursor = [], None
    while True:
        page = stacked(reader, cursor=cursor, limit=7)
        seen += titles(page.rows)
        if not (cursor := page.next):
            break
    assert seen == whole
    assert len(whole) == 45


def test_an_action_on_a_stack_changes_its_rows_in_the_list(reader: User) -> None:
    made = rows(reader, "a", "", "a", "a", "b")
    actions.change(reader, "done", ids=[made[3].id])
    change = actions.change(reader, "done", ids=[made[4].id], stack_keys=["a"], filters=Filters())
    assert change.count == 3
    assert titles(stacked(reader).rows) == ["alone 1"]
    notification_undo.undo_change(reader, change.id)
    assert stacked(reader).stacks["a"].count == 2


def test_an_action_on_a_stack_leaves_rows_newer_than_the_page_alone(reader: User) -> None:
    made = rows(reader, "", "a", "a", "a")
    seen = Filters(upto=(made[2].surfaced_at, made[2].id))
    assert titles(stacked(reader, seen).rows) == ["a 2"]
    assert counts.newer_count(reader, seen) == 2
    assert actions.change(reader, "done", ids=[], stack_keys=["a"], filters=seen).count == 2
    assert titles(stacked(reader).rows) == ["alone 0", "a 1"]


def test_an_action_on_another_persons_stack_changes_nothing(reader: User) -> None:
    other = factories.user("other@example.test")
    rows(other, "a", "a")
    assert actions.change(reader, "done", ids=[], stack_keys=["a"], filters=Filters()).count == 0


def test_a_snoozed_stack_is_listed_where_its_first_row_returns(reader: User) -> None:
    now = utc_now()
    for hours, title in ((5, "last"), (2, "first"), (3, "between")):
        at = now + timedelta(hours=hours)
        key = "" if title == "between" else "a"
        factories.notification(reader, title, stack_key=key, surfaced_at=at, snoozed_until=at)
    assert titles(stacked(reader, Filters(place="later")).rows) == ["first", "between"]


def test_a_page_of_stacks_costs_two_queries(reader: User) -> None:
    rows(reader, *("ab" * 10))
    with statements.recorded() as seen:
        stacked(reader)
    assert len(seen) == 2


def test_finding_the_head_of_a_stack_uses_its_index(app: Flask, alice: User) -> None:
    clauses = filters.matching(Filters(), alice.id, utc_now())
    query = select(Notification.id).where(*clauses, stacks.only_heads(clauses)).compile(db.engine)
    values = tuple(str(query.params[name]) for name in query.positiontup or ())
    plan = db.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", values).all()
    assert any("ix_notifications_stack (recipient_id=? AND stack_key=?" in line.detail for line in plan)


ALONE = [
    ("job_created", {"job_title": "Designer"}, {}, None),
    ("interview_scheduled", {}, {}, None),
    ("candidate_added", {"candidate_name": "Omar"}, {}, None),
]


@pytest.mark.parametrize(("kind", "facts", "metadata", "named"), ALONE)
def test_notifications_without_a_subject_are_not_stacked(
    kind: str, facts: dict[str, Any], metadata: dict[str, Any], named: str | None
) -> None:
    about = stacks.subject_of(kind, facts, metadata, named)
    assert stacks.stack_key(kind, about, NOON, "UTC") == ""


def test_a_stack_key_covers_one_subject_on_one_day_of_the_reader() -> None:
    def key(kind: str = "resume_processed", hours: int = 0, **facts: Any) -> str:
        about = stacks.subject_of(kind, {"source": "/ats"}, facts.get("metadata"), facts.get("named"))
        return stacks.stack_key(kind, about, NOON + timedelta(hours=hours), "Europe/Paris")

    assert key() == key(hours=10)
    assert key(metadata={"upload_id": 7}) == key(metadata={"upload_id": 7}, named="cv.pdf")
    others = {
        key(),
        key(hours=12),  # past midnight in Paris
        key(metadata={"upload_id": 7}),
        key(metadata={"upload_id": 8}),
        key(named="cv.pdf"),
        key(kind="interview_reminder", named="cv.pdf"),
    }
    assert len(others) == 6


def test_resumes_of_one_upload_stack_however_they_are_reported(app: Flask, alice: User) -> None:
    for n in range(3):
        resume = {"filename": f"cv-{n}.pdf", "extracted_data": {"years": n}}
        python_api.send_resume_processed_notification(resume, alice)
        python_api.create_notification(
            alice, "resume_processed", f"cv {n}", "…", metadata={"upload_id": "u1"}
        )
    assert sorted(stack.count for stack in stacked(alice).stacks.values()) == [3, 3]


def test_changes_of_one_interview_stack_without_those_of_another(app: Flask, alice: User) -> None:
    first, second = factories.interview(alice), factories.interview(alice)
    now = utc_now()
    for interview in (first, first, second, first):
        moved = fanout.NotificationRequest(
            "interview_rescheduled",
            "high",
            ("in_app",),
            lambda _user: Texts("Moved", "To Thursday"),
            interview_id=interview.id,
        )
        fanout.write(moved, fanout.plan(moved, [Recipient.from_user(alice)], now), now)
    db.session.commit()
    page = stacked(alice)
    assert len(page.rows) == 2
    assert [stack.count for stack in page.stacks.values()] == [3]


def test_the_subject_of_an_event_makes_a_stack(app: Flask, alice: User) -> None:
    for subject in ("upload 7", "upload 7", "upload 8"):
        event_publish.publish(
            event_publish.IncomingEvent(
                source="/ats",
                external_id=factories.unique(),
                type="resume.processed",
                occurred_at=utc_now(),
                data=event_data.validate(
                    "resume.processed", {"filename": "cv.pdf", "extracted_data": {"years": 3}}
                ),
                recipients=[alice.email],
                subject=subject,
            )
        )
    page = stacked(alice)
    assert len(page.rows) == 2
    assert [stack.count for stack in page.stacks.values()] == [2]

"""Saved views: named filters in their owner's order, each with a count."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import event

from app.database.base import db
from app.models import Notification, SavedView, User
from app.services.base.errors import Invalid, NotFound
from app.services.notifications import actions, saved_views
from app.services.notifications.filters import Filters
from app.services.notifications.saved_views import Filter
from tests.support import factories

NOW = datetime(2026, 3, 12, 12, tzinfo=UTC)


@pytest.fixture
def owner(app: Flask) -> User:
    """Only on SQLite, where a test does not depend on the database."""
    return factories.user("owner@example.test")


@pytest.fixture
def anywhere(any_app: Flask) -> User:
    return factories.user("owner@example.test")


def named(user: User, *names: str) -> list[SavedView]:
    return [saved_views.create(user, name, Filter(search=name)) for name in names]


def names(user: User) -> list[str]:
    return [view.name for view in saved_views.list_views(user)]


def counts(user: User) -> dict[int, int]:
    return {view.id: view.count for view in saved_views.list_views_with_counts(user, NOW)}


def test_views_are_listed_in_their_owners_order(owner: User) -> None:
    first, second, third = named(owner, "one", "two", "three")
    assert names(owner) == ["one", "two", "three"]
    saved_views.reorder(owner, [third.id, first.id, second.id])
    assert names(owner) == ["three", "one", "two"]
    saved_views.move(owner, second.id, -1)
    saved_views.move(owner, third.id, -1)
    assert names(owner) == ["three", "two", "one"]
    saved_views.move(owner, first.id, 1)
    assert names(owner) == ["three", "two", "one"]


def test_reordering_must_name_each_view_once(owner: User) -> None:
    first, second = named(owner, "one", "two")
    for ids in ([first.id], [first.id, first.id], [first.id, second.id, 99]):
        with pytest.raises(Invalid, match="view_ids"):
            saved_views.reorder(owner, ids)
    assert names(owner) == ["one", "two"]


@pytest.mark.parametrize(
    ("name", "wanted", "key"),
    [
        (" ", Filter(), "name"),
        ("x" * 61, Filter(), "name"),
        ("ONE", Filter(), "name"),
        ("o\u200bne\u202e", Filter(), "name"),
        ("\u200b\u202e", Filter(), "name"),
        ("new", Filter(search="is:nonsense"), "search"),
    ],
)
def test_a_view_needs_a_unique_name_and_a_valid_search(
    owner: User, name: str, wanted: Filter, key: str
) -> None:
    named(owner, "one")
    with pytest.raises(Invalid) as caught:
        saved_views.create(owner, name, wanted)
    assert list(caught.value.errors) == [key]
    assert names(owner) == ["one"]


def test_a_person_has_at_most_twenty_views(owner: User) -> None:
    views = named(owner, *(f"view {number}" for number in range(20)))
    with pytest.raises(Invalid, match="20"):
        saved_views.create(owner, "one more", Filter())
    saved_views.delete(owner, views[0].id)
    saved_views.create(owner, "one more", Filter())
    with pytest.raises(Invalid, match="20"):
        saved_views.restore(owner, views[0].id)


def test_a_deleted_view_can_be_restored_to_its_position_for_ten_minutes(anywhere: User) -> None:
    _one, two, _three = named(anywhere, "one", "two", "three")
    saved_views.delete(anywhere, two.id, NOW)
    assert names(anywhere) == ["one", "three"]
    with pytest.raises(NotFound):
        saved_views.get(anywhere, two.id)
    saved_views.restore(anywhere, two.id, NOW + timedelta(minutes=9))
    assert names(anywhere) == ["one", "two", "three"]
    saved_views.delete(anywhere, two.id, NOW)
    with pytest.raises(NotFound):
        saved_views.restore(anywhere, two.id, NOW + timedelta(minutes=10))


def test_a_deleted_view_is_not_restored_when_its_name_is_taken(owner: User) -> None:
    (view,) = named(owner, "one")
    saved_views.delete(owner, view.id)
    named(owner, "One")
    with pytest.raises(Invalid, match="one"):
        saved_views.restore(owner, view.id)
    assert names(owner) == ["One"]


def test_a_view_can_be_renamed_and_its_filter_changed(owner: User) -> None:
    view, _other = named(owner, "one", "two")
    saved_views.change(owner, view.id, name="One ")
    saved_views.change(owner, view.id, place="done", category=["resume"], search="-x")
    fresh = saved_views.get(owner, view.id)
    assert (fresh.name, Filter.of(fresh)) == ("One", Filter("done", ("resume",), (), "-x"))
    for wrong in ({"name": "TWO"}, {"search": "is:nonsense"}):
        with pytest.raises(Invalid):
            saved_views.change(owner, view.id, **wrong)
    assert saved_views.get(owner, view.id).name == "One"


def test_another_persons_view_is_not_found(owner: User) -> None:
    other = factories.user("other@example.test")
    (view,) = named(other, "theirs")
    for call in (
        lambda: saved_views.get(owner, view.id),
        lambda: saved_views.change(owner, view.id, name="mine"),
        lambda: saved_views.move(owner, view.id, 1),
        lambda: saved_views.delete(owner, view.id),
        lambda: saved_views.restore(owner, view.id),
    ):
        with pytest.raises(NotFound):
            call()
    assert (names(owner), names(other)) == ([], ["theirs"])


def test_views_are_counted_in_one_statement(anywhere: User) -> None:
    for number in range(3):
        factories.notification(
            anywhere, f"Priya {number}", created_at=NOW, priority="urgent" if number else "low"
        )
    factories.notification(anywhere, "Priya done", archived_at=NOW, read_at=NOW, created_at=NOW)
    search, urgent, everything = (
        saved_views.create(anywhere, "Priya", Filter(search="priya")),
        saved_views.create(anywhere, "urgent", Filter(priority=("urgent",))),
        saved_views.create(anywhere, "all", Filter("all", search="pri -2")),
    )
    statements: list[str] = []

    def note(_conn, _cursor, statement, *_rest):  # type: ignore[no-untyped-def]
        statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    found = counts(anywhere)
    event.remove(db.engine, "before_cursor_execute", note)
    assert found == {search.id: 3, urgent.id: 2, everything.id: 3}
    assert len(statements) == 2, "one for the views, one for all their numbers"
    actions.change(anywhere, "done", filters=Filters(), now=NOW)
    assert counts(anywhere) == {search.id: 0, urgent.id: 0, everything.id: 3}


def test_counts_of_views_stop_at_a_hundred(owner: User) -> None:
    for _ in range(2):
        made = Notification.__table__.insert()
        row = {
            "recipient_id": owner.id,
            "notification_type": "system_alert",
            "category": "system",
            "title": "x",
            "message": "",
            "channels": [],
            "metadata": {},
            "created_at": NOW,
            "surfaced_at": NOW,
        }
        db.session.execute(made, [row] * 60)
    db.session.commit()
    (view,) = named(owner, "x")
    assert counts(owner) == {view.id: 100}


def test_changing_a_view_updates_open_pages(owner: User) -> None:
    before = owner.inbox_version
    named(owner, "one")
    db.session.refresh(owner)
    assert owner.inbox_version == before + 1

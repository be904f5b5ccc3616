"""Saved views: named filters in their owner's order, each with a count."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select

from app.database.base import db
from app.models import Notification, SavedView, User
from app.services.base.errors import Invalid, NotFound
from app.services.notifications import actions, saved_views
from app.services.notifications.filters import Filters
from app.services.notifications.saved_views import SavedFilter
from tests.support import factories, statements

NOW = datetime(2026, 3, 12, 12, tzinfo=UTC)


def named(user: User, *names: str) -> list[SavedView]:
    return [saved_views.create(user, name, SavedFilter(search=name)) for name in names]


def names(user: User) -> list[str]:
    return [view.name for view in saved_views.list_views(user)]


def counts(user: User) -> dict[int, int]:
    return {view.id: view.count for view in saved_views.list_views_with_counts(user, NOW)}


def test_views_are_listed_in_their_owners_order(alice: User) -> None:
    first, second, third = named(alice, "one", "two", "three")
    assert names(alice) == ["one", "two", "three"]
    saved_views.reorder(alice, [third.id, first.id, second.id])
    assert names(alice) == ["three", "one", "two"]
    saved_views.move(alice, second.id, -1)
    saved_views.move(alice, third.id, -1)
    assert names(alice) == ["three", "two", "one"]
    saved_views.move(alice, first.id, 1)
    assert names(alice) == ["three", "two", "one"]


def test_reordering_must_name_each_view_once(alice: User) -> None:
    first, second = named(alice, "one", "two")
    for ids in ([first.id], [first.id, first.id], [first.id, second.id, 99]):
        with pytest.raises(Invalid, match="view_ids"):
            saved_views.reorder(alice, ids)
    assert names(alice) == ["one", "two"]


@pytest.mark.parametrize(
    ("name", "wanted", "key"),
    [
        (" ", SavedFilter(), "name"),
        ("x" * 61, SavedFilter(), "name"),
        ("ONE", SavedFilter(), "name"),
        ("o\u200bne\u202e", SavedFilter(), "name"),
        ("\u200b\u202e", SavedFilter(), "name"),
        ("new", SavedFilter(search="is:nonsense"), "search"),
    ],
)
def test_a_view_needs_a_unique_name_and_a_valid_search(
    alice: User, name: str, wanted: SavedFilter, key: str
) -> None:
    named(alice, "one")
    with pytest.raises(Invalid) as caught:
        saved_views.create(alice, name, wanted)
    assert list(caught.value.errors) == [key]
    assert names(alice) == ["one"]


def test_a_person_has_at_most_twenty_views(alice: User) -> None:
    views = named(alice, *(f"view {number}" for number in range(20)))
    with pytest.raises(Invalid, match="20"):
        saved_views.create(alice, "one more", SavedFilter())
    saved_views.delete(alice, views[0].id)
    saved_views.create(alice, "one more", SavedFilter())
    with pytest.raises(Invalid, match="20"):
        saved_views.restore(alice, views[0].id)


def test_a_deleted_view_can_be_restored_to_its_position_for_ten_minutes(owner: User) -> None:
    _one, two, _three = named(owner, "one", "two", "three")
    saved_views.delete(owner, two.id, NOW)
    assert names(owner) == ["one", "three"]
    with pytest.raises(NotFound):
        saved_views.get(owner, two.id)
    saved_views.restore(owner, two.id, NOW + timedelta(minutes=9))
    assert names(owner) == ["one", "two", "three"]
    saved_views.delete(owner, two.id, NOW)
    with pytest.raises(NotFound):
        saved_views.restore(owner, two.id, NOW + timedelta(minutes=10))


def test_a_deleted_view_is_not_restored_when_its_name_is_taken(alice: User) -> None:
    (view,) = named(alice, "one")
    saved_views.delete(alice, view.id)
    named(alice, "One")
    with pytest.raises(Invalid, match="one"):
        saved_views.restore(alice, view.id)
    assert names(alice) == ["One"]


def test_a_view_can_be_renamed_and_its_filter_changed(alice: User) -> None:
    view, _other = named(alice, "one", "two")
    saved_views.change(alice, view.id, name="One ")
    saved_views.change(alice, view.id, place="done", category=["resume"], search="-x")
    fresh = saved_views.get(alice, view.id)
    assert (fresh.name, SavedFilter.from_view(fresh)) == ("One", SavedFilter("done", ("resume",), (), "-x"))
    for wrong in ({"name": "TWO"}, {"search": "is:nonsense"}):
        with pytest.raises(Invalid):
            saved_views.change(alice, view.id, **wrong)
    assert saved_views.get(alice, view.id).name == "One"


def test_another_persons_view_is_not_found(alice: User) -> None:
    other = factories.user("other@example.test")
    (view,) = named(other, "theirs")
    for call in (
        lambda: saved_views.get(alice, view.id),
        lambda: saved_views.change(alice, view.id, name="mine"),
        lambda: saved_views.move(alice, view.id, 1),
        lambda: saved_views.delete(alice, view.id),
        lambda: saved_views.restore(alice, view.id),
    ):
        with pytest.raises(NotFound):
            call()
    assert (names(alice), names(other)) == ([], ["theirs"])


def test_views_are_counted_in_one_statement(owner: User) -> None:
    for number in range(3):
        factories.notification(
            owner, f"Priya {number}", created_at=NOW, priority="urgent" if number else "low"
        )
    factories.notification(owner, "Priya done", archived_at=NOW, read_at=NOW, created_at=NOW)
    search, urgent, everything = (
        saved_views.create(owner, "Priya", SavedFilter(search="priya")),
        saved_views.create(owner, "urgent", SavedFilter(priority=("urgent",))),
        saved_views.create(owner, "all", SavedFilter("all", search="pri -2")),
    )
    with statements.recorded() as seen:
        found = counts(owner)
    assert found == {search.id: 3, urgent.id: 2, everything.id: 3}
    assert sum("saved_views" in each for each in seen) == 1
    # A sample for each search tells how common its words are; then all are counted at once.
    assert len([each for each in seen if "FROM notifications" in each]) == 3, seen
    actions.change(owner, "done", filters=Filters(), now=NOW)
    assert counts(owner) == {search.id: 0, urgent.id: 0, everything.id: 3}


def test_counts_of_views_stop_at_a_hundred(alice: User) -> None:
    for _ in range(2):
        made = Notification.__table__.insert()
        row = {
            "recipient_id": alice.id,
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
    (view,) = named(alice, "x")
    assert counts(alice) == {view.id: 100}


def test_the_newest_hundred_are_counted(alice: User) -> None:
    for minutes in range(101):
        surfaced_at = NOW - timedelta(minutes=minutes + 1)
        factories.notification(alice, surfaced_at=surfaced_at, read_at=NOW if minutes < 100 else None)
    saved_views.create(alice, "All", SavedFilter())
    (view,) = saved_views.list_views_with_counts(alice, NOW)
    assert (view.count, view.unread) == (100, 0)


CARRIED = (
    SavedFilter(),
    SavedFilter("unread"),
    SavedFilter("saved"),
    SavedFilter("done"),
    SavedFilter("all", priority=("urgent",)),
    SavedFilter(search="one"),
    SavedFilter("all", search="is:unread -two"),
    SavedFilter(search="is:read"),
    SavedFilter(search="-is:saved"),
    SavedFilter("unread", search="status:sent"),
)


@pytest.mark.parametrize("action", actions.UNREAD_BY)
def test_a_change_of_one_carries_the_counts_of_views_over_exactly(owner: User, action: str) -> None:
    for number, wanted in enumerate(CARRIED):
        saved_views.create(owner, str(number), wanted)
    rows = [
        factories.notification(owner, title, created_at=NOW, read_at=read_at, saved_at=saved_at, **values)
        for title in ("one", "two")
        for read_at in (None, NOW)
        for saved_at in (None, NOW)
        for values in ({"priority": "urgent"}, {"archived_at": NOW})
    ]
    for row in rows:
        saved_views.list_views_with_counts(owner, NOW)
        actions.change(owner, action, ids=[row.id], now=NOW)
        carried = saved_views.list_views_with_counts(owner, NOW)
        assert carried == saved_views.list_views_with_counts(
            owner, NOW, version=-2
        )  # which is not remembered


def test_counts_of_views_from_before_the_change_of_another_are_not_carried_over(owner: User) -> None:
    row = factories.notification(owner, created_at=NOW)
    view = saved_views.create(owner, "All", SavedFilter())
    assert counts(owner) == {view.id: 1}
    factories.notification(owner, created_at=NOW)
    actions.change(owner, "read", ids=[row.id], now=NOW)
    assert counts(owner) == {view.id: 2}


@pytest.mark.parametrize("wanted", [SavedFilter(), SavedFilter("unread"), SavedFilter("all", search="x")])
def test_a_hundred_rows_of_a_view_are_found_again_only_when_they_are_used_up(
    owner: User, wanted: SavedFilter
) -> None:
    values = [factories.notification_values(owner, number, NOW) | {"title": "x"} for number in range(203)]
    db.session.execute(insert(Notification), values)
    db.session.commit()
    saved_views.create(owner, "x", wanted)
    ids = list(db.session.scalars(select(Notification.id).order_by(Notification.id.desc())))
    saved_views.list_views_with_counts(owner, NOW)
    times_found = 0
    # The newest ones, and the oldest.
    for changed, number in enumerate((*ids[:103], ids[202]), start=1):
        actions.change(owner, "read", ids=[number], now=NOW)
        with statements.recorded() as seen:
            (view,) = saved_views.list_views_with_counts(owner, NOW)
        times_found += any("FROM notifications" in each for each in seen)
        if wanted.place == "unread":
            assert (view.count, view.unread) == (min(203 - changed, 100),) * 2
        else:
            assert (view.count, view.unread) == (100, max(100 - changed, 0))
    assert times_found == (wanted.place == "unread")


def test_changing_a_view_updates_open_pages(alice: User) -> None:
    before = alice.inbox_version
    named(alice, "one")
    db.session.refresh(alice)
    assert alice.inbox_version == before + 1

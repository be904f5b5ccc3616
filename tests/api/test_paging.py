"""Every list of the API shows each row exactly once, even if rows are added or removed between two pages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.clock import utc_now
from app.database.base import Base, db
from app.models import (
    Announcement,
    ApiToken,
    Delivery,
    Event,
    Follow,
    NotificationTemplate,
    Room,
    RoomMessage,
    SavedView,
    Source,
    SourceCall,
    TemplateVersion,
    User,
    Webhook,
)
from tests.support import factories

ROWS, LIMIT = 17, 4
Make = Callable[[User, int], Base]


def _notification(user: User, number: int) -> Base:
    return factories.notification(user, f"Row {number}", stack_key=f"row-{number}")


def _delivery(user: User, number: int) -> Base:
    return factories.delivery(factories.notification(user, f"Row {number}"))


def _call(user: User, number: int) -> Base:
    row = factories.notification(user, f"Row {number}")
    return factories.delivery(row, "webhook", address="webhook:1")


def _announcement(user: User, number: int) -> Base:
    event = Event(
        source="/announcements",
        external_id=f"row-{number}",
        type="announcement",
        occurred_at=utc_now(),
        data={},
    )
    db.session.add(event)
    db.session.flush()
    return Announcement(
        event_id=event.id,
        author_id=user.id,
        notification_type="system_alert",
        title=f"Row {number}",
        priority="low",
        channels=["in_app"],
        audience={"everyone": True},
        deliver_at=None,
        total=1,
    )


def _template(_user: User, number: int) -> Base:
    # Lists are sorted by name, so new rows are inserted anywhere, not only at the end.
    return NotificationTemplate(
        name=f"row_{(number * 7) % 100:03}",
        notification_type="system_alert",
        title_template="Row",
        message_template="Row",
    )


def _version(user: User, number: int) -> Base:
    return TemplateVersion(
        template_id=1,
        number=number + 2,
        author_id=user.id,
        title_template="Row",
        message_template="Row",
        note="row",
    )


def _view(user: User, number: int) -> Base:
    return SavedView(
        user_id=user.id,
        name=f"Row {number}",
        filter={"place": "inbox", "category": [], "priority": [], "search": ""},
        position=number + 1,
    )


def _person(_user: User, number: int) -> Base:
    return factories.bare_user(f"row{number}@example.test", f"Row {(number * 7) % 100:03}")


def _token(user: User, number: int) -> Base:
    return ApiToken(
        user_id=user.id, name=f"Row {number}", prefix="bh_row", digest=f"{number:064}", scopes=["read"]
    )


def _webhook(user: User, number: int) -> Base:
    return Webhook(user_id=user.id, url=f"https://hooks.example.test/{number}", secret_salt="salt")


def _room(_user: User, number: int) -> Base:
    return Room(
        name=f"Row {number}",
        channel="webhook",
        encrypted_address="",
        shown_address="",
        secret_salt="salt",
        subjects=["*"],
        time_zone="UTC",
        locale="en",
    )


def _room_delivery(_user: User, number: int) -> Base:
    message = RoomMessage(
        room_id=1,
        notification_type="job_created",
        category="job",
        title=f"Row {number}",
        message="Row",
        priority="low",
        fact_key=f"row-{number}",
    )
    return Delivery(room_message=message, channel="webhook", address="room:1")


def _subscription(_user: User, number: int) -> Base:
    return Webhook(
        url=f"https://hooks.example.test/{number}", types=["notification.created"], secret_salt="salt"
    )


def _subscription_call(_user: User, _number: int) -> Base:
    return Delivery(
        kind="subscription", channel="webhook", address="webhook:1", subject="notification.created"
    )


def _follow(user: User, number: int) -> Base:
    return Follow(user_id=user.id, subject=f"job:row-{number}", mode="follow")


def _source(_user: User, number: int) -> Base:
    return Source(public_id=f"row{number}", kind="ashby", name=f"Row {(number * 7) % 100:03}", secret="")


def _source_call(_user: User, number: int) -> Base:
    now = utc_now()
    return SourceCall(
        source_id=1,
        external_id=f"row-{number}",
        action="row",
        body=b"{}",
        state="ignored",
        occurred_at=now,
        due_at=now,
    )


# The rows of each list. A new list fails the test below until it is added here.
MAKERS: dict[str, Make] = {
    "/api/deliveries/": _delivery,
    "/api/follows/": _follow,
    "/api/notifications/": _notification,
    "/api/notifications/announcements/": _announcement,
    "/api/notifications/templates/": _template,
    "/api/notifications/templates/{template_id}/versions/": _version,
    "/api/notifications/views/": _view,
    "/api/people/": _person,
    "/api/rooms/": _room,
    "/api/rooms/{room_id}/deliveries/": _room_delivery,
    "/api/sources/": _source,
    "/api/sources/{source_id}/calls/": _source_call,
    "/api/subscriptions/": _subscription,
    "/api/subscriptions/{subscription_id}/calls/": _subscription_call,
    "/api/tokens/": _token,
    "/api/webhooks/": _webhook,
    "/api/webhooks/{webhook_id}/calls/": _call,
}


def paged_lists(client: FlaskClient) -> set[str]:
    paths: dict[str, Any] = client.get("/api/openapi.json").get_json()["paths"]
    return {
        path
        for path, calls in paths.items()
        if any(parameter["name"] == "cursor" for parameter in calls.get("get", {}).get("parameters", ()))
    }


def test_every_paged_list_is_tried(client: FlaskClient) -> None:
    assert paged_lists(client) == MAKERS.keys()


def save(row: Base) -> Base:
    db.session.add(row)
    db.session.commit()
    return row


def identity(row: Base, path: str) -> Any:
    return row.number if isinstance(row, TemplateVersion) else row.id  # type: ignore[attr-defined]


def shown(result: dict[str, Any]) -> Any:
    return result["id"] if "id" in result else result["number"]


@pytest.mark.parametrize("path", MAKERS)
def test_each_row_is_shown_once_while_others_come_and_go(
    any_app: Flask, path: str, token: Callable[..., dict[str, str]]
) -> None:
    client = any_app.test_client()
    admin = factories.user("bob@example.test", "Bob Okafor", role="admin")
    headers = token(admin, "read", "write", "admin")
    if "webhook_id" in path:
        save(_webhook(admin, 0))
    if "source_id" in path:
        save(_source(admin, 0))
    if "room_id" in path:
        save(_room(admin, 0))
    if "subscription_id" in path:
        save(_subscription(admin, 0))
    make = MAKERS[path]
    rows = [save(make(admin, 2 * number)) for number in range(ROWS)]
    stay = {identity(row, path) for row in rows}
    url: str | None = f"{re.sub('{[a-z]+_id}', '1', path)}?limit={LIMIT}"
    seen: list[Any] = []
    for page in range(40):
        response = client.get(url, headers=headers)
        assert response.status_code == 200, response.get_data(as_text=True)
        results = response.get_json()["results"]
        assert len(results) <= LIMIT
        seen += [shown(result) for result in results]
        following = response.get_json()["next"]
        if following is None:
            break
        url = following.removeprefix("http://bellhop.test")
        # Between two pages one row is added, the last that was shown is removed, and some that may not have been shown.
        save(make(admin, 2 * page + 1))
        last = next((row for row in rows if identity(row, path) == seen[-1]), None)
        for going in (last, rows[-1], rows[0]):
            if going in rows and len(rows) > 5:
                rows.remove(going)
                stay.discard(identity(going, path))
                db.session.delete(going)
                db.session.commit()
    else:
        raise AssertionError(f"{path} does not end")
    assert len(seen) == len(set(seen)), json.dumps(seen)
    assert stay <= set(seen)

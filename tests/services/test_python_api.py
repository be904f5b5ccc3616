"""Python callers use the names of the contract, and the examples of the documentation run as written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text

from app import catalog, services
from app.clock import utc_now
from app.database.base import db
from app.models import Delivery, Notification, User
from app.services import NotificationPriority, NotificationService, NotificationStatus, NotificationType
from app.services.base.errors import Invalid, NotFound
from tests.support import factories

PAGE = Path(__file__).resolve().parents[2] / "docs" / "python.md"
FUNCTIONS = (
    "create_notification",
    "create_notification_from_template",
    "send_interview_scheduled_notification",
    "send_resume_processed_notification",
    "send_bulk_upload_completed_notification",
    "send_candidate_added_notification",
    "send_job_created_notification",
    "mark_notification_as_read",
    "get_unread_notifications_count",
)


def test_the_call_of_the_contract_runs_as_written(alice: User) -> None:
    user = alice
    row = NotificationService.create_notification(
        recipient=user,
        notification_type=NotificationType.SYSTEM_ALERT,
        title="…",
        message="…",
        priority=NotificationPriority.HIGH,
        channels=["email", "in_app"],
    )
    assert (row.recipient_id, row.title, row.priority, row.status) == (alice.id, "…", "high", "sent")
    assert {delivery.channel for delivery in row.deliveries} == {"email", "in_app"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_one_name_gives_every_function_of_the_contract(name: str) -> None:
    assert getattr(NotificationService, name) is getattr(services, name)
    assert getattr(NotificationService(), name) is getattr(services, name)
    assert name in services.__all__


@pytest.mark.parametrize(
    ("enum", "values"),
    [
        (NotificationType, tuple(catalog.TYPES)),
        (NotificationPriority, catalog.PRIORITIES),
        (NotificationStatus, catalog.STATUSES),
    ],
)
def test_the_enums_are_the_strings_of_the_catalog(enum: type[StrEnum], values: tuple[str, ...]) -> None:
    assert tuple(enum) == values
    assert [member.name for member in enum] == [value.upper() for value in values]
    assert {type(value) for value in values} == {str}
    assert json.loads(json.dumps(list(enum))) == list(values)


def test_enum_members_equal_their_strings() -> None:
    assert NotificationType.SYSTEM_ALERT == "system_alert"
    assert NotificationPriority.URGENT == "urgent"
    assert f"{NotificationStatus.PENDING}" == "pending"


def test_enum_members_are_stored_as_plain_strings(any_app: Flask) -> None:
    user = factories.user("alice@example.test")
    own = services.create_notification(
        user,
        NotificationType.RESUME_PROCESSED,
        "Parsed",
        "Done.",
        priority=NotificationPriority.URGENT,
        metadata={"priority": NotificationPriority.LOW},
    )
    from_template = services.create_notification_from_template(
        user, NotificationType.BULK_UPLOAD_COMPLETED, {}, priority=NotificationPriority.LOW
    )
    assert (own.notification_type, own.priority, own.category) == ("resume_processed", "urgent", "resume")
    assert (from_template.notification_type, from_template.priority) == ("bulk_upload_completed", "low")
    kept = db.session.execute(
        text("SELECT notification_type, priority, status FROM notifications ORDER BY id")
    ).all()
    assert [tuple(row) for row in kept] == [
        ("resume_processed", "urgent", "sent"),
        ("bulk_upload_completed", "low", "sent"),
    ]
    db.session.expire_all()
    assert {type(value) for value in (own.notification_type, own.priority, own.status)} == {str}
    assert own.data == {"priority": "low"}


def test_metadata_that_json_cannot_express_is_refused(any_app: Flask) -> None:
    user = factories.user("alice@example.test")
    with pytest.raises(ValueError, match="JSON"):
        services.create_notification(user, "system_alert", "Hello", "World", metadata={"ratio": float("nan")})
    assert db.session.scalar(select(Notification.id)) is None


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"notification_type": "no_such_type"}, "notification_type"),
        ({"priority": NotificationStatus.SENT}, "priority"),
        ({"channels": ["pigeon"]}, "channels"),
        ({"title": " \n"}, "title"),
    ],
)
def test_invalid_arguments_are_named_and_nothing_is_written(
    alice: User, arguments: dict[str, object], field: str
) -> None:
    usable = {"notification_type": "system_alert", "title": "Hello", "message": "World"}
    with pytest.raises(Invalid) as error:
        NotificationService.create_notification(alice, **(usable | arguments))
    assert list(error.value.errors) == [field]
    assert db.session.scalar(select(Notification.id)) is None


def test_each_function_of_the_contract_notifies_the_right_people(people: tuple[User, ...]) -> None:
    alice, _, charlie = people
    own = services.create_notification(
        alice, "system_alert", "Disk nearly full", "3 % left.", priority="urgent"
    )
    assert (own.title, own.priority, own.status, own.recipient_id) == (
        "Disk nearly full",
        "urgent",
        "sent",
        alice.id,
    )
    worded = services.create_notification_from_template(
        alice,
        "resume_processed",
        {"filename": "a.pdf", "extracted_data": {"skills": ["SQL"]}},
        channels=["in_app"],
    )
    assert worded.title == "Resume Processed: a.pdf"
    assert worded.message.endswith("Extracted data: skills: SQL")
    assert [d.channel for d in worded.deliveries] == ["in_app"]
    interview = factories.interview(alice, charlie)
    assert {n.recipient_id for n in services.send_interview_scheduled_notification(interview)} == {
        alice.id,
        charlie.id,
    }
    (only,) = services.send_interview_scheduled_notification(interview, alice)
    assert only.interview_id == interview.id
    resume = SimpleNamespace(filename="b.pdf", extracted_data="Python", uploaded_by=charlie)
    assert [n.recipient_id for n in services.send_resume_processed_notification(resume)] == [charlie.id]
    (bulk,) = services.send_bulk_upload_completed_notification(
        alice, {"total_files": 3, "successful": 2, "failed": 1}
    )
    assert bulk.message.endswith("Total files: 3, Successful: 2, Failed: 1.")
    added = services.send_candidate_added_notification({"name": "Omar Haddad", "job_title": "Designer"})
    assert {n.recipient_id for n in added} == {alice.id, charlie.id}
    job = SimpleNamespace(title="Designer", company_name="Alder Robotics")
    assert {n.title for n in services.send_job_created_notification(job)} == {"New job: Designer"}
    assert services.mark_notification_as_read(own.id, alice).is_read


def test_a_scheduled_notification_waits_for_its_time(people: tuple[User, ...]) -> None:
    later = utc_now() + timedelta(hours=2)
    row = services.create_notification(people[0], "system_alert", "Tonight", "At six.", deliver_at=later)
    assert row.status == "pending"
    assert services.get_unread_notifications_count(people[0]) == 0
    assert {(d.state, d.due_at) for d in row.deliveries} == {("pending", later)}


def test_an_unknown_template_is_not_found(alice: User) -> None:
    with pytest.raises(NotFound):
        NotificationService.create_notification_from_template(alice, "no_such_template", {})


def test_a_failing_channel_does_not_fail_the_caller(app: Flask, alice: User) -> None:
    app.config["MAIL_SERVER"], app.config["MAIL_PORT"] = "127.0.0.1", 1
    row = NotificationService.create_notification(alice, "system_alert", "Disk nearly full", "3 % left.")
    assert row.status == "sent"
    assert db.session.scalars(select(Delivery.state).where(Delivery.channel == "email")).all() == ["pending"]


def test_the_examples_of_the_documentation_run_as_written(
    database_file: Path,
    live_server: str,
    token: Callable[..., dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    factories.user("ruth@bellhop.example", "Ruth Okafor")
    header = token(factories.user("bob@example.test", role="admin"), "events", "read", "write")
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{database_file}")
    monkeypatch.setenv("SECRET_KEY", "a key for tests only")
    monkeypatch.setenv("BELLHOP", live_server)
    monkeypatch.setenv("TOKEN", header["Authorization"].removeprefix("Bearer "))
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 9
    names: dict[str, Any] = {"__name__": "docs"}
    try:
        for block in blocks:
            exec(compile(block, PAGE.name, "exec"), names)
    finally:
        names["context"].pop()
    assert names["problem"]["status"] == 422
    assert {entry["channel"] for entry in names["result"]["notifications"][0]["deliveries"]} >= {
        "email",
        "in_app",
    }

"""Checks before sending: a message that waited is not sent if it is no longer wanted or true."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.clock import utc_now
from app.database.base import db
from app.models import Delivery, Notification, User
from app.services.preferences import editing as preference_editing
from app.services.sending.worker import DeliveryWorker
from tests.support import factories
from tests.support.delivery import pending_email, reload
from tests.support.interviews import publish_interview
from tests.support.smtp import Server

NIGHT = datetime(2026, 11, 24, 23, tzinfo=UTC)
MORNING = datetime(2026, 11, 25, 7, 34, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def quiet_user(app: Flask) -> User:
    """A person with quiet hours from 19:00 to 07:30."""
    user = factories.user("dana@example.test")
    preference_editing.change(user, {"quiet_hours": {"enabled": True}})
    return user


def state_and_reason(kind: str) -> tuple[str, str]:
    mail = (
        select(Delivery)
        .join(Notification)
        .where(Delivery.channel == "email", Notification.notification_type == kind)
    )
    found = db.session.scalars(mail.execution_options(populate_existing=True)).one()
    return found.state, found.reason


@pytest.mark.parametrize("before", ["interview.scheduled", "interview.rescheduled"])
@pytest.mark.parametrize(
    ("then", "starts_at", "reason"),
    [
        ("interview.cancelled", MORNING + 5 * HOUR, "interview_cancelled"),
        ("interview.rescheduled", MORNING + 30 * HOUR, "interview_moved"),
        ("interview.completed", None, "interview_over"),
    ],
)
def test_held_email_is_not_sent_if_the_interview_has_changed(
    quiet_user: User, worker: DeliveryWorker, before: str, then: str, starts_at: datetime | None, reason: str
) -> None:
    publish_interview(before, quiet_user, NIGHT, MORNING + 5 * HOUR)
    first = before.replace(".", "_")
    assert state_and_reason(first) == ("pending", "quiet_hours")
    if then == before:
        then = "interview.scheduled"
    publish_interview(then, quiet_user, NIGHT + HOUR, starts_at)
    worker.deliver_due(MORNING)
    assert state_and_reason(first) == ("skipped", reason)
    if starts_at:
        assert state_and_reason(then.replace(".", "_"))[0] == "sent"


def test_stale_email_is_not_sent_when_quiet_hours_are_disabled(
    quiet_user: User, worker: DeliveryWorker
) -> None:
    publish_interview("interview.scheduled", quiet_user, NIGHT, MORNING + 5 * HOUR)
    publish_interview("interview.cancelled", quiet_user, NIGHT + timedelta(seconds=1), MORNING + 5 * HOUR)
    preference_editing.change(
        quiet_user, {"quiet_hours": {"enabled": False}}, now=NIGHT + timedelta(seconds=2)
    )
    worker.deliver_due(NIGHT + timedelta(seconds=3))
    assert state_and_reason("interview_scheduled") == ("skipped", "interview_cancelled")
    assert state_and_reason("interview_cancelled")[0] == "sent"


def test_cancellation_is_not_sent_if_the_interview_was_booked_again(
    quiet_user: User, worker: DeliveryWorker
) -> None:
    publish_interview("interview.cancelled", quiet_user, NIGHT, MORNING + 5 * HOUR)
    publish_interview("interview.scheduled", quiet_user, NIGHT + HOUR, MORNING + 30 * HOUR)
    worker.deliver_due(MORNING)
    assert state_and_reason("interview_cancelled") == ("skipped", "interview_rebooked")
    assert state_and_reason("interview_scheduled")[0] == "sent"


def test_held_email_is_not_sent_if_the_interview_has_begun(quiet_user: User, worker: DeliveryWorker) -> None:
    publish_interview("interview.scheduled", quiet_user, NIGHT, MORNING - HOUR)
    worker.deliver_due(MORNING)
    assert state_and_reason("interview_scheduled") == ("skipped", "interview_over")


def test_interview_reported_after_its_start_is_still_announced(
    quiet_user: User, worker: DeliveryWorker
) -> None:
    publish_interview("interview.scheduled", quiet_user, NIGHT, NIGHT - HOUR)
    worker.deliver_due(MORNING)
    assert state_and_reason("interview_scheduled")[0] == "sent"


def test_changes_sent_at_once_are_all_sent_in_order(alice: User, worker: DeliveryWorker) -> None:
    noon = NIGHT - 11 * HOUR
    for seconds, kind in enumerate(("scheduled", "rescheduled", "cancelled")):
        publish_interview(
            f"interview.{kind}", alice, noon + timedelta(seconds=seconds), noon + (48 + seconds) * HOUR
        )
    worker.deliver_due(noon + timedelta(seconds=5))
    kinds = "interview_scheduled", "interview_rescheduled", "interview_cancelled"
    assert [state_and_reason(kind)[0] for kind in kinds] == ["sent"] * 3


@pytest.mark.parametrize(
    ("change", "state", "reason"),
    [
        ({"recipient": {"is_enabled": False}}, "skipped", "recipient_inactive"),
        ({"notification": {"status": "cancelled"}}, "cancelled", "cancelled"),
        ({"delivery": {"expires_at": utc_now()}}, "expired", "expired"),
        (
            {"delivery": {"reason": "unread_wait"}, "notification": {"read_at": utc_now()}},
            "skipped",
            "read_before_sending",
        ),
    ],
)
def test_preflight_runs_before_every_send(
    smtp: Server,
    alice: User,
    worker: DeliveryWorker,
    change: dict[str, dict[str, object]],
    state: str,
    reason: str,
) -> None:
    row = pending_email(alice)
    things = {"delivery": row, "notification": row.notification, "recipient": alice}
    for name, values in change.items():
        for field, value in values.items():
            setattr(things[name], field, value)
    db.session.commit()
    worker.deliver_due()
    assert (reload(row).state, row.reason) == (state, reason)
    assert smtp.mailbox.raw == []

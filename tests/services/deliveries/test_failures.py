"""One alert when many messages fail or a job stops, and none for what happens every day."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select

from app.clock import utc_now
from app.database.base import db
from app.jobs import SCHEDULE
from app.models import JobRun, Notification, User
from app.services.deliveries import failures
from tests.support import factories

MINUTE = timedelta(minutes=1)


def add(owner: User, state: str, count: int) -> None:
    for number in range(count):
        note = factories.notification(owner)
        factories.delivery(note, state=state, address=f"{state}{number}@example.test")


def alerts(admin: User) -> list[str]:
    mine = select(Notification.title).where(Notification.recipient_id == admin.id).order_by(Notification.id)
    return list(db.session.scalars(mine))


def ran(name: str, at: datetime) -> None:
    db.session.add(
        JobRun(
            name=name,
            slot_at=at,
            started_at=at,
            finished_at=at,
            state="succeeded",
            tries=1,
            count=0,
            error="",
            holder="",
        )
    )
    db.session.commit()


def test_failing_messages_raise_one_alert_a_day(owner: User, admin: User) -> None:
    now = utc_now()
    add(owner, "failed", 4)
    assert failures.alert_admins({}, now) == 0, "that happens every day"
    add(owner, "expired", 3)
    assert failures.alert_admins({}, now) == 1
    assert failures.alert_admins({}, now + timedelta(hours=3)) == 0
    assert alerts(admin) == ["7 messages could not be delivered"]
    add(owner, "dead", 5)
    assert failures.alert_admins({}, now + timedelta(hours=23)) == 0
    assert alerts(owner)[0] != "7 messages could not be delivered", "recruiters are not alerted"


def test_a_small_share_of_failures_raises_none(owner: User, admin: User) -> None:
    add(owner, "failed", 5)
    add(owner, "sent", 96)
    recent = failures.count_recent(utc_now())
    assert (recent.tried, recent.failed) == (101, 5)
    assert failures.alert_admins({}, utc_now()) == 0


def test_old_failures_and_the_app_itself_do_not_count(owner: User) -> None:
    old = utc_now() - timedelta(days=2)
    factories.delivery(factories.notification(owner), state="failed", created_at=old)
    factories.delivery(factories.notification(owner), "in_app", state="sent", address="")
    assert failures.count_recent(utc_now()) == failures.RecentDeliveries(0, 0)


def test_a_job_that_stops_while_others_run_raises_one_alert(owner: User, admin: User) -> None:
    now = utc_now().replace(second=0, microsecond=0)
    schedule = {name: SCHEDULE[name] for name in ("reminders", "alerts")}
    ran("reminders", now - timedelta(hours=1))
    assert failures.alert_admins(schedule, now) == 0, "the scheduler has just started again"
    ran("alerts", now - 5 * MINUTE)
    assert failures.alert_admins(schedule, now) == 1
    assert failures.alert_admins(schedule, now + 5 * MINUTE) == 0
    assert alerts(admin) == ["The job “reminders” has stopped"]

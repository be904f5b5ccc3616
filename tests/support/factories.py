"""Create rows directly in the database, with defaults for everything that a test does not specify."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from app import catalog
from app.clock import utc_now
from app.database.base import db
from app.models import Delivery, Interview, Notification, User, UserNotificationPreference
from app.services.accounts import passwords

PASSWORD = "correct horse battery"
_numbers = itertools.count(1)


def unique() -> str:
    """Return a name that no other test or process uses."""
    return f"{os.getpid()}_{next(_numbers)}"


@cache
def _password_hash() -> str:
    return passwords._hasher.hash(PASSWORD)


def user(email: str, name: str = "", *, role: str = "recruiter", **fields: Any) -> User:
    """Create a user whose password is `PASSWORD`. Pass preference fields as `preference={…}`."""
    user = bare_user(email, name, role=role, **fields)
    db.session.add(user)
    db.session.commit()
    return user


def bare_user(email: str, name: str = "", **fields: Any) -> User:
    """Build a user without saving it, for tests that insert many at once."""
    preference = UserNotificationPreference(**fields.pop("preference", {}))
    name = name or email.partition("@")[0].title()
    return User(email=email, name=name, password_hash=_password_hash(), preference=preference, **fields)


def notification(
    recipient: User, title: str = "Interview Scheduled for Priya Raman", **fields: Any
) -> Notification:
    """Create a notification that is sent, unread and in the inbox by default."""
    kind = fields.pop("notification_type", "interview_scheduled")
    created = fields.pop("created_at", utc_now())
    row = Notification(
        recipient_id=recipient.id,
        notification_type=kind,
        category=catalog.category_of(kind),
        title=title,
        message=fields.pop("message", "On Thursday at 14:00."),
        status=fields.pop("status", "read" if fields.get("read_at") else "sent"),
        channels=fields.pop("channels", ["email", "in_app"]),
        created_at=created,
        surfaced_at=fields.pop("surfaced_at", created),
        sent_at=fields.pop("sent_at", created),
        **fields,
    )
    db.session.add(row)
    db.session.commit()
    return row


def stack(user: User, keys: Iterable[str]) -> list[Notification]:
    """Write a notification for each stack key, the newest first. Without a key, it is alone."""
    now = utc_now()
    return [
        notification(user, f"Number {n}", stack_key=key, created_at=now - timedelta(seconds=n))
        for n, key in enumerate(keys)
    ]


def delivery(row: Notification, channel: str = "email", **fields: Any) -> Delivery:
    """Create a delivery of a notification, due now by default."""
    delivery = Delivery(
        notification_id=fields.pop("notification_id", row.id),
        recipient_id=row.recipient_id,
        channel=channel,
        address=fields.pop("address", "alice@example.test"),
        **fields,
    )
    db.session.add(delivery)
    db.session.commit()
    return delivery


def interview(*recruiters: User, **fields: Any) -> Interview:
    """Create an interview of one hour that starts in two days by default."""
    starts = fields.pop("starts_at", utc_now() + timedelta(days=2))
    row = Interview(
        external_id=fields.pop("external_id", f"iv-{unique()}"),
        starts_at=starts,
        ends_at=fields.pop("ends_at", starts + timedelta(hours=1)),
        candidate_name=fields.pop("candidate_name", "Priya Raman"),
        job_title=fields.pop("job_title", "Staff Data Engineer"),
        company_name=fields.pop("company_name", "Alder Robotics"),
        changed_at=fields.pop("changed_at", utc_now()),
        **fields,
    )
    row.recruiters = list(recruiters)
    db.session.add(row)
    db.session.commit()
    return row


def event_body(
    kind: str = "interview.scheduled", recipients: list[str] | None = None, **data: Any
) -> dict[str, Any]:
    """Build a CloudEvents body with the catalog's sample data."""
    sample = {field.name: field.sample for field in catalog.EVENTS[kind].data}
    if "starts_at" in sample:
        start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
        sample |= {"starts_at": start.isoformat(), "ends_at": (start + timedelta(hours=1)).isoformat()}
    body = sample | data
    if recipients is not None:
        body["recipients"] = recipients
    return {
        "specversion": "1.0",
        "id": f"ev-{unique()}",
        "source": "/tests",
        "type": kind,
        "time": datetime.now(UTC).isoformat(),
        "data": body,
    }


def notification_values(user: User, number: int, when: datetime | None = None) -> dict[str, object]:
    """The columns of a notification, for tests that insert thousands of rows at once."""
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

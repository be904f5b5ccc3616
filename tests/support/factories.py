"""Rows for tests, made straight in the database, so that a test says only what it is about."""

from __future__ import annotations

import itertools
import os
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from app import catalog
from app.clock import utc_now
from app.database.base import db
from app.models import Delivery, Interview, Notification, User, UserNotificationPreference

PASSWORD = "correct horse battery"
_numbers = itertools.count(1)


def unique() -> str:
    """A name that no other test or process uses."""
    return f"{os.getpid()}_{next(_numbers)}"


@cache
def _password_hash() -> str:
    from argon2 import PasswordHasher

    return PasswordHasher().hash(PASSWORD)


def user(email: str, name: str = "", *, role: str = "recruiter", **fields: Any) -> User:
    """A person who can sign in with `PASSWORD`. Preference fields are given as `preference={…}`."""
    person = bare_user(email, name, role=role, **fields)
    db.session.add(person)
    db.session.commit()
    return person


def bare_user(email: str, name: str = "", **fields: Any) -> User:
    """The same, not yet in the database: for tests that need a thousand at once."""
    preference = UserNotificationPreference(**fields.pop("preference", {}))
    name = name or email.partition("@")[0].title()
    return User(email=email, name=name, password_hash=_password_hash(), preference=preference, **fields)


def notification(
    recipient: User, title: str = "Interview Scheduled for Priya Raman", **fields: Any
) -> Notification:
    """A notification in the inbox, sent, unread, unless told otherwise."""
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
    recipient.inbox_version += 1
    db.session.commit()
    return row


def delivery(row: Notification, channel: str = "email", **fields: Any) -> Delivery:
    """A delivery of a notification, due now unless told otherwise."""
    made = Delivery(
        notification_id=fields.pop("notification_id", row.id),
        recipient_id=row.recipient_id,
        channel=channel,
        address=fields.pop("address", "alice@example.test"),
        **fields,
    )
    db.session.add(made)
    db.session.commit()
    return made


def interview(*recruiters: User, **fields: Any) -> Interview:
    """An interview two days ahead, an hour long."""
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
    """A CloudEvents body with the catalog's sample data."""
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

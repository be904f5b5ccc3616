"""A person's own follows and mutes: list, set, remove."""

from __future__ import annotations

from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, delete, func, or_, select

from app import catalog
from app.clock import utc_now
from app.database.base import db
from app.database.writing import writing
from app.models import Event, Follow, Interview, Notification, User
from app.services.base import validation
from app.services.base.errors import Invalid, NotFound
from app.services.follows.lookup import KINDS

MODES = ("follow", "mute")
# Digests are composed of notifications; the preferences turn them off.
TYPES = tuple(name for name in catalog.TYPES if name not in catalog.DIGESTS)
MAX_FOLLOWS = 1000


def list_current(user: User, now: datetime | None = None) -> list[Follow]:
    """List what a person follows and mutes now, oldest first."""
    query = select(Follow).where(Follow.user_id == user.id, _is_current(now or utc_now()))
    return list(db.session.scalars(query.order_by(Follow.id)))


def name_of(user: User, subject: str) -> str:
    """Return what a subject is called in a person's own notifications; else its id."""
    kind, _colon, key = subject.partition(":")
    if kind == "type":
        return str(catalog.TYPES[key].label)
    column, field = {
        "candidate": (Notification.candidate_id, "candidate_name"),
        "job": (Notification.job_id, "job_title"),
    }[kind]
    name = func.coalesce(getattr(Interview, field), Event.data[field].as_string())
    query = (
        select(name)
        .select_from(Notification)
        .outerjoin(Notification.interview)
        .outerjoin(Notification.event)
        .where(Notification.recipient_id == user.id, column == key, name.is_not(None), name != "")
        .order_by(Notification.surfaced_at.desc())
    )
    return db.session.scalar(query.limit(1)) or key


def set_mode(
    user: User, subject: str, mode: str, until: datetime | None = None, *, now: datetime | None = None
) -> tuple[Follow, bool]:
    """Follow or mute a subject; this replaces what the person chose for it before.

    Args:
        subject: `candidate:<id>`, `job:<id>` or `type:<notification type>`.
        until: when it ends; by default, never.
    Returns:
        The follow, and whether it is new.
    Raises:
        Invalid: keyed `subject`, `mode` or `until`.
    """
    now = now or utc_now()
    errors: dict[str, str] = {}
    subject = validation.collect(errors, "subject", _check_subject, subject) or ""
    if mode not in MODES:
        errors["mode"] = _("Choose one of: %(names)s.", names=", ".join(MODES))
    if until is not None and until <= now:
        errors["until"] = _("Choose a time in the future.")
    if errors:
        raise Invalid(errors)
    with writing(lock=User, row_id=user.id):
        db.session.execute(delete(Follow).where(Follow.user_id == user.id, Follow.until <= now))
        follow = db.session.scalar(select(Follow).filter_by(user_id=user.id, subject=subject))
        is_new = follow is None
        if follow is None:
            count = select(func.count()).select_from(Follow).where(Follow.user_id == user.id)
            if (db.session.scalar(count) or 0) >= MAX_FOLLOWS:
                raise Invalid(
                    {
                        "subject": _(
                            "You can follow or mute at most %(most)s candidates, jobs and types.",
                            most=MAX_FOLLOWS,
                        )
                    }
                )
            follow = Follow(user_id=user.id, subject=subject)
            db.session.add(follow)
        follow.mode, follow.until = mode, until
        db.session.flush()
    return follow, is_new


def put_back(user: User, subject: str, mode: str, until: datetime | None) -> None:
    """Undo `set_mode`: put back what a person had chosen before, or nothing if `mode` is empty or has ended since."""
    if mode and (until is None or until > utc_now()):
        set_mode(user, subject, mode, until)
    elif (follow := find_current(user, subject)) is not None:
        remove(user, follow.id)


def find_current(user: User, subject: str, now: datetime | None = None) -> Follow | None:
    """Find what a person has chosen for a subject, if it has not ended."""
    query = select(Follow).where(Follow.user_id == user.id, Follow.subject == subject)
    return db.session.scalar(query.where(_is_current(now or utc_now())))


def is_subject(subject: str) -> bool:
    """Whether this can be followed and muted; digests cannot."""
    kind, _colon, key = subject.partition(":")
    return kind in KINDS and bool(key) and (kind != "type" or key in TYPES)


def remove(user: User, follow_id: int) -> None:
    """Stop following or muting. Raises NotFound if the person has no such follow."""
    with writing():
        follow = db.session.scalar(select(Follow).where(Follow.id == follow_id, Follow.user_id == user.id))
        if follow is None:
            raise NotFound(_("Follow not found."))
        db.session.delete(follow)


def _is_current(now: datetime) -> ColumnElement[bool]:
    return or_(Follow.until.is_(None), Follow.until > now)


def _check_subject(value: object) -> str:
    kind, _colon, key = value.partition(":") if isinstance(value, str) else ("", "", "")
    key = validation.external_id(key)
    if kind not in KINDS or not key:
        raise validation.InvalidValue(
            _(
                "Enter candidate:, job: or type: and an id or a name, such as %(example)s.",
                example="job:job-12",
            )
        )
    if kind == "type" and key not in TYPES:
        raise validation.InvalidValue(
            _("Choose one of: %(names)s.", names=", ".join(f"type:{n}" for n in TYPES))
        )
    return f"{kind}:{key}"

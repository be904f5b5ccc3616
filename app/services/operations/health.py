"""Checks whether this installation can work: briefly for `/readyz`, thoroughly for `flask doctor`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app import addresses
from app.channels import email
from app.channels.base import DeliveryError
from app.database.base import db
from app.models import User
from app.services.accounts import demo_people
from app.services.operations import job_runs
from app.services.operations.job_runs import ScheduledJob


@dataclass(frozen=True)
class Finding:
    """The result of one check. `advice` says what to fix; it is empty if there is nothing to fix."""

    subject: str
    detail: str
    advice: str = ""


def readiness_problem() -> str | None:
    """Return what keeps this process from working, or None."""
    try:
        if not _is_migrated():
            return _("Migrations are out of date. Run: flask db upgrade")
    except SQLAlchemyError:
        return _("The database does not respond.")
    return None


def schedule_problem(schedule: Mapping[str, ScheduledJob], now: datetime) -> str | None:
    """Return which jobs are late, as a sentence, or None."""
    try:
        late = job_runs.late_jobs(schedule, now)
    except SQLAlchemyError:
        db.session.rollback()
        return None
    if not late:
        return None
    return _("These jobs are late: %(names)s. Check that a scheduler is running.", names=", ".join(late))


def examine(config: Mapping[str, Any]) -> Iterator[Finding]:
    """Check configuration, database, mail server and Redis. Nothing is changed and nothing is sent.

    Args:
        config: the application's configuration.
    """
    yield Finding(_("Address"), config["BASE_URL"], _address_advice(config["BASE_URL"]))
    yield _check_database()
    yield from _check_accounts()
    yield from _check_demo(config)
    yield _check_mail(config)
    if config["REDIS_URL"]:
        yield _check_redis(config["REDIS_URL"])


def _address_advice(base_url: str) -> str:
    if base_url.startswith("https:") or "://127.0.0.1" in base_url or "://localhost" in base_url:
        return ""
    return _("Set BASE_URL to an https address. Otherwise passwords are sent unencrypted.")


def _check_database() -> Finding:
    subject = _("Database")
    try:
        is_migrated = _is_migrated()
    except SQLAlchemyError as error:
        return Finding(
            subject, str(error.__cause__ or error), _("Check DATABASE_URL and that the server is running.")
        )
    if not is_migrated:
        return Finding(subject, _("Migrations are out of date."), _("Run: flask db upgrade"))
    return Finding(subject, _("%(dialect)s, migrated", dialect=db.engine.dialect.name))


def _check_demo(config: Mapping[str, Any]) -> Iterator[Finding]:
    """Find the demo on a server that others can reach. Its password is published."""
    if not config["IS_PUBLIC"]:
        return
    if config["BELLHOP_DEMO"]:
        yield Finding(
            _("Demo"), _("BELLHOP_DEMO is on, and others can reach this server."), _("Set BELLHOP_DEMO=0.")
        )
    try:
        people = demo_people.list_enabled()
    except SQLAlchemyError:
        return  # Reported with the database.
    if people:
        yield Finding(
            _("Demo"),
            _(
                "These accounts have a published password, so they cannot sign in here: %(emails)s.",
                emails=", ".join(people),
            ),
            _("Deactivate them under Admin → Users, or start again with an empty database."),
        )


def _check_accounts() -> Iterator[Finding]:
    """Find accounts that share an address with another in a different spelling. No sign-in reaches them."""
    try:
        stored_emails = db.session.scalars(select(User.email).where(User.is_enabled)).all()
    except SQLAlchemyError:
        return  # Reported with the database.
    for stored in stored_emails:
        if (canonical := addresses.key(stored)) != stored:
            yield Finding(
                _("Accounts"),
                _("%(email)s is another spelling of %(canonical)s.", email=stored, canonical=canonical),
                _("Deactivate one of the two accounts, or give it another address in the database."),
            )


def _check_mail(config: Mapping[str, Any]) -> Finding:
    subject = _("Email")
    if not config["MAIL_SERVER"]:
        return Finding(
            subject, _("EMAIL_HOST is not set: emails are captured and shown under Admin → Deliveries.")
        )
    try:
        response = email.check()
    except DeliveryError as error:
        return Finding(
            subject,
            str(error),
            _(
                "Check EMAIL_HOST, EMAIL_PORT, EMAIL_USE_SSL, EMAIL_USE_TLS, EMAIL_HOST_USER, EMAIL_HOST_PASSWORD "
                "and DEFAULT_FROM_EMAIL."
            ),
        )
    return Finding(subject, response)


def _check_redis(url: str) -> Finding:
    # Imported here, because an installation without Redis need not load its client.
    from app.services.operations.rate_counter import CounterUnavailable, SharedCounter

    try:
        SharedCounter(url).check()
    except CounterUnavailable as error:
        return Finding("Redis", str(error), _("Check REDIS_URL and that the server is running."))
    return Finding("Redis", _("responds: all processes share their API rate limits"))


def _is_migrated() -> bool:
    """Whether the database has exactly the migrations of this version. Raises SQLAlchemyError."""
    with db.engine.connect() as connection:
        heads = MigrationContext.configure(connection).get_current_heads()
    return set(heads) == _expected_heads(current_app.extensions["migrate"].directory)


@cache
def _expected_heads(directory: str) -> set[str]:
    """The newest migrations of this version. Read once, because they change only with the code."""
    return set(ScriptDirectory(directory).get_heads())

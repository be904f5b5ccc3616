"""Looking at an installation: what works, and what to mend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask_babel import gettext as _
from sqlalchemy.exc import SQLAlchemyError

from app.channels import email
from app.channels.base import DeliveryError
from app.database.base import db

MIGRATIONS = Path(__file__).resolve().parents[3] / "migrations"


@dataclass(frozen=True)
class Finding:
    """One thing looked at; `advice` says what to mend and is empty where all is well."""

    subject: str
    detail: str
    advice: str = ""


def examine(config: Mapping[str, Any]) -> Iterator[Finding]:
    """Look at configuration, database, mail server and Redis; nothing is changed and nobody is written to.

    Args:
        config: the application's configuration.
    """
    yield Finding(_("Address"), config["BASE_URL"], _address_advice(config["BASE_URL"]))
    yield _database()
    yield _mail(config)
    if config["REDIS_URL"]:
        yield _redis(config["REDIS_URL"])


def _address_advice(base_url: str) -> str:
    if base_url.startswith("https:") or "://127.0.0.1" in base_url or "://localhost" in base_url:
        return ""
    return _("Set BASE_URL to an https address: passwords travel in the open otherwise.")


def _database() -> Finding:
    subject = _("Database")
    try:
        with db.engine.connect() as connection:
            have = MigrationContext.configure(connection).get_current_revision()
    except SQLAlchemyError as error:
        return Finding(
            subject, str(error.__cause__ or error), _("Check DATABASE_URL and that the server is running.")
        )
    want = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    if have != want:
        return Finding(subject, _("Its tables are of another version."), _("Run: flask db upgrade"))
    return Finding(subject, _("%(kind)s, migrated", kind=db.engine.dialect.name))


def _mail(config: Mapping[str, Any]) -> Finding:
    subject = _("Email")
    if not config["MAIL_SERVER"]:
        return Finding(subject, _("EMAIL_HOST is not set: mail is kept and shown under Admin → Deliveries."))
    host = f"{config['MAIL_SERVER']}:{config['MAIL_PORT']}"
    try:
        email.check()
    except DeliveryError as error:
        return Finding(
            subject, f"{host}: {error}", _("Check EMAIL_HOST, EMAIL_PORT, EMAIL_USE_TLS and the sign-in.")
        )
    return Finding(subject, _("%(host)s answers", host=host))


def _redis(url: str) -> Finding:
    # Here, not above: whoever has no Redis need not load its client.
    from app.services.operations.rate_counter import CounterUnavailable, SharedCounter

    try:
        SharedCounter(url).check()
    except CounterUnavailable as error:
        return Finding("Redis", str(error), _("Check REDIS_URL and that the server is running."))
    return Finding("Redis", _("answers: all processes count the calls of the API together"))

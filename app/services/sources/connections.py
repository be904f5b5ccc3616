"""Sources as admins connect, pause and remove them, and the secrets that they sign with."""

from __future__ import annotations

import secrets as random_secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import select

from app.clock import utc_now
from app.database.base import db
from app.database.writing import writing
from app.models import Source, User
from app.services.base import audit, encryption, validation
from app.services.base.errors import Conflict, Invalid, NotFound
from app.sources import SOURCES, WITH_API

# How long calls may still be signed with the former secret, so that it can be replaced without losing one.
OVERLAP = timedelta(hours=24)
SECRET_LENGTHS = range(8, 257)
PURPOSE, API_KEY_PURPOSE = "source_secret", "source_api_key"
LABELS = {
    "ashby": "Ashby",
    "greenhouse": "Greenhouse",
    "lever": "Lever",
    "calcom": "Cal.com",
    "calendly": "Calendly",
    "standard": "Standard Webhooks",
}


def all_sources() -> Sequence[Source]:
    """List every source, oldest first."""
    return db.session.scalars(select(Source).order_by(Source.id)).all()


def get(source_id: int) -> Source:
    """Load a source as it is now. Raises NotFound."""
    query = select(Source).where(Source.id == source_id).execution_options(populate_existing=True)
    source = db.session.scalar(query)
    if source is None:
        raise NotFound(_("Source not found. It may have been removed."))
    return source


def create(
    kind: str,
    name: str,
    signing_secret: str,
    company_name: str = "",
    *,
    actor: User,
    secret: str,
    api_key: str = "",
) -> Source:
    """Connect another system.

    Args:
        kind: a key of `LABELS`.
        signing_secret: what the other system signs its calls with.
        company_name: the company in notifications, because most systems do not send one.
        secret: the application's key.
        api_key: of the other system's API, for what its calls lack; see `has_api`.
    Raises:
        Invalid: keyed `kind`, `name`, `secret`, `company_name` or `api_key`.
    """
    errors: dict[str, str] = {}
    if kind not in SOURCES:
        errors["kind"] = _("Choose one of: %(names)s.", names=", ".join(SOURCES))
    found_name = validation.collect(errors, "name", _check_name, name)
    company = validation.collect(errors, "company_name", validation.text, company_name)
    found_secret = validation.collect(errors, "secret", _check_secret, signing_secret)
    found_key = validation.collect(errors, "api_key", lambda key: _check_api_key(kind, key), api_key)
    if errors or found_name is None or company is None or found_secret is None or found_key is None:
        raise Invalid(errors)
    source = Source(
        public_id=random_secrets.token_urlsafe(24),
        kind=kind,
        name=found_name,
        company_name=company,
        secret=encryption.encrypt(found_secret, purpose=PURPOSE, secret=secret),
        api_key=_encrypt_api_key(found_key, secret),
    )
    db.session.add(source)
    audit.record("source.created", source.name, actor=actor, kind=kind)
    db.session.commit()
    return source


def change(
    source_id: int,
    *,
    actor: User,
    secret: str,
    name: str | None = None,
    company_name: str | None = None,
    signing_secret: str | None = None,
    api_key: str | None = None,
    is_paused: bool | None = None,
    now: datetime | None = None,
) -> Source:
    """Change a source. After a new secret, calls with the former one are accepted for 24 hours.

    Args:
        api_key: "" removes it.
    Raises:
        NotFound: the source does not exist.
        Invalid: keyed `name`, `secret`, `company_name` or `api_key`.
        Conflict: the former secret still works; another one would end it early.
    """
    now = now or utc_now()
    errors: dict[str, str] = {}
    checks = {"name": (_check_name, name), "company_name": (validation.text, company_name)}
    values = {
        field: validation.collect(errors, field, check, value)
        for field, (check, value) in checks.items()
        if value is not None
    }
    if signing_secret is not None:
        validation.collect(errors, "secret", _check_secret, signing_secret)
    if errors:
        raise Invalid(errors)
    with writing(lock=Source, row_id=source_id) as source:
        if source is None:
            raise NotFound(_("Source not found. It may have been removed."))
        for field, value in values.items():
            setattr(source, field, value)
        if values:
            audit.record("source.changed", source.name, actor=actor, source=source.id)
        if signing_secret is not None:
            _rotate(source, signing_secret.strip(), secret, now)
            audit.record("source.secret_changed", source.name, actor=actor, source=source.id)
        if api_key is not None:
            _replace_api_key(source, api_key, secret)
            audit.record("source.api_key_changed", source.name, actor=actor, source=source.id)
        if is_paused is not None and is_paused != source.is_paused:
            source.paused_at = now if is_paused else None
            action = "source.paused" if is_paused else "source.resumed"
            audit.record(action, source.name, actor=actor, source=source.id)
    return source


def remove(source_id: int, *, actor: User) -> None:
    """Remove a source with its calls. Its notifications stay. Raises NotFound."""
    source = get(source_id)
    audit.record("source.removed", source.name, actor=actor, kind=source.kind)
    db.session.delete(source)
    db.session.commit()


def accepted_secrets(source: Source, secret: str, now: datetime) -> list[str]:
    """List the secrets that calls may be signed with, newest first. Empty if the application's key was changed."""
    stored = [source.secret]
    if source.former_secret and has_overlap(source, now):
        stored.append(source.former_secret)
    found = (encryption.decrypt(each, purpose=PURPOSE, secret=secret) for each in stored)
    return [each for each in found if each]


def has_api(kind: str) -> bool:
    """Whether names that calls lack can be looked up over the system's API."""
    return kind in WITH_API


def has_overlap(source: Source, now: datetime) -> bool:
    """Whether the former secret is still accepted."""
    return source.rotated_at is not None and now < source.rotated_at + OVERLAP


def _rotate(source: Source, signing_secret: str, secret: str, now: datetime) -> None:
    if has_overlap(source, now):
        raise Conflict(
            _("The secret was replaced within the last 24 hours. Wait until the old one stops working.")
        )
    source.former_secret, source.rotated_at = source.secret, now
    source.secret = encryption.encrypt(signing_secret, purpose=PURPOSE, secret=secret)


def _replace_api_key(source: Source, api_key: str, secret: str) -> None:
    errors: dict[str, str] = {}
    found = validation.collect(errors, "api_key", lambda key: _check_api_key(source.kind, key), api_key)
    if found is None:
        raise Invalid(errors)
    source.api_key, source.api_error = _encrypt_api_key(found, secret), ""


def _encrypt_api_key(api_key: str, secret: str) -> str:
    return encryption.encrypt(api_key, purpose=API_KEY_PURPOSE, secret=secret) if api_key else ""


def _check_api_key(kind: str, value: object) -> str:
    key = validation.text(value, most=500)
    if key and not has_api(kind):
        raise validation.InvalidValue(_("Bellhop needs no API key for this system."))
    return key


def _check_name(value: object) -> str:
    name = validation.text(value, most=100)
    if not name:
        raise validation.InvalidValue(_("Enter a name."))
    return name


def _check_secret(value: object) -> str:
    found = validation.text(value, most=SECRET_LENGTHS[-1])
    if len(found) not in SECRET_LENGTHS:
        raise validation.InvalidValue(_("Use at least %(least)s characters.", least=SECRET_LENGTHS[0]))
    return found

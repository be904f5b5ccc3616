"""Every text that a person reads can be translated: no English is left in an artificial language."""

from __future__ import annotations

import importlib
import pkgutil
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_babel import force_locale
from jinja2 import Environment
from pydantic import BaseModel, ValidationError
from sqlalchemy import select

from app import catalog
from app.api import schemas
from app.api.http.error_messages import message
from app.clock import utc_now
from app.database.base import db
from app.jobs import SCHEDULE
from app.models import Delivery, Notification, NotificationTemplate, User
from app.services.follows import management as follows
from app.services.rooms import management as rooms
from app.services.routing import alerts
from app.services.sending import payloads
from app.services.sending.email import SiteIdentity
from app.services.templates import samples as template_samples
from app.sources import SOURCES
from app.views.web.errors import TEXTS
from tests.conftest import make_app
from tests.support import factories, pseudo
from tests.support.crawl import PageContent, load_demo, walk
from tests.support.sessions import open_session

TEMPLATES = Path(__file__).resolve().parent.parent / "app" / "templates"
# The pattern or the words that a value must have.
CODE = re.compile(r"\^.*\$|'\w+'")
# Built-in texts are data, in English until an admin edits them; the rest ends the walk or never ends.
LEFT_ALONE = {"accounts.end_session", "live.stream", "template_versions.reset", "template_versions.restore"}


@pytest.fixture
def abroad(
    migrated_file: Path, pseudo_catalogs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Flask]:
    """An application with the demo's people in an artificial language, their texts in Cyrillic."""
    sample = template_samples._fixed_sample
    monkeypatch.setattr(template_samples, "_fixed_sample", lambda kind: pseudo.foreign_values(sample(kind)))
    monkeypatch.setattr(template_samples, "LONG_NAME", pseudo.foreign(template_samples.LONG_NAME))
    path = shutil.copy(migrated_file, tmp_path / "abroad.db")
    app = make_app(
        f"sqlite:///{path}",
        BASE_URL="http://localhost",
        BABEL_DEFAULT_LOCALE=pseudo.LONG,
        BABEL_TRANSLATION_DIRECTORIES=str(pseudo_catalogs),
    )
    with app.app_context():
        load_demo()
        pseudo.make_data_foreign(pseudo.LONG)
        yield app
        db.session.remove()
        db.engine.dispose()


def client_of(app: Flask, name: str) -> FlaskClient:
    user = db.session.scalars(select(User).where(User.email == f"{name}@bellhop.example")).one()
    return open_session(app.test_client(), user)


# Errors list these by the names that the API takes.
LISTS = (catalog.PRIORITIES, catalog.CHANNELS, follows.MODES, SOURCES, rooms.CHANNELS)


def untranslated(texts: list[str]) -> list[str]:
    # Jobs have the names of the command line.
    lists = [", ".join(names) for names in LISTS]
    names = re.compile(rf"\b({'|'.join([*SCHEDULE, *lists])})\b")
    return [text for text in texts if pseudo.english(names.sub("", text))]


@pytest.mark.parametrize("name", ["ruth", "admin"])
def test_signed_in_pages_and_form_responses_are_translated(abroad: Flask, name: str) -> None:
    missed, ways = {}, set()
    for page in walk(abroad, client_of(abroad, name), ["/notifications", "/api/docs"], LEFT_ALONE):
        assert page.status < 500, page.way
        ways.add(re.sub(r"\d+|\?.*", "", page.way))
        missed.update(dict.fromkeys(untranslated(page.reading.texts), page.way))
    assert missed == {}
    assert len(ways) > {"ruth": 60, "admin": 110}[name]


def test_public_pages_and_errors_are_translated(abroad: Flask) -> None:
    stranger, ruth = abroad.test_client(), client_of(abroad, "ruth")
    missed = {
        text: page.way
        for page in walk(
            abroad, stranger, ["/sign-in", "/password/reset/x", "/unsubscribe/x", "/digests/x"], set()
        )
        for text in untranslated(page.reading.texts)
    }
    assert missed == {}
    for answer in (
        ruth.get("/nowhere"),
        ruth.get("/admin/jobs"),
        ruth.get("/notifications/999999"),
        ruth.put("/notifications"),
        ruth.post("/account/profile"),
        ruth.get("/notifications?cursor=nonsense"),
    ):
        reading = PageContent(answer.text)
        assert answer.status_code >= 400
        assert reading.texts
        assert untranslated(reading.texts) == []
    with abroad.test_request_context(), force_locale(pseudo.LONG):
        assert untranslated([str(text) for words in TEXTS.values() for text in words]) == []


def test_api_errors_are_translated(abroad: Flask) -> None:
    ruth = client_of(abroad, "ruth")
    for answer in (
        ruth.get("/api/nowhere/"),
        ruth.delete("/api/events/"),
        ruth.get("/api/notifications/999999/"),
        ruth.get("/api/people/"),
        ruth.get("/api/notifications/?limit=many"),
        ruth.get("/api/notifications/?cursor=nonsense"),
        ruth.post("/api/notifications/mark-read/", json={}),
        abroad.test_client().get("/api/people/"),
        abroad.test_client().get("/api/people/", headers={"Authorization": "Bearer nonsense"}),
    ):
        assert answer.content_type == "application/problem+json"
        problem = answer.get_json()
        details = [CODE.sub("", each["detail"]) for each in problem.get("errors", [])]
        assert untranslated([problem["detail"], *details]) == [], problem


def test_validation_errors_are_translated(abroad: Flask) -> None:
    for module in pkgutil.iter_modules(schemas.__path__):
        importlib.import_module(f"{schemas.__name__}.{module.name}")
    bad: list[Any] = [
        "\x01",
        "",
        "x" * 100_000,
        [],
        [1],
        ["x"] * 200,
        {},
        {"x": 1},
        -1,
        10**30,
        None,
        1.5,
        True,
    ]
    said: dict[str, str] = {}
    with abroad.test_request_context(), force_locale(pseudo.LONG):
        for schema in _inputs(schemas.base.Input):
            for name in schema.model_fields:
                for value in bad:
                    said |= _sentences(schema, {name: value})
    assert len(said) > 15
    assert untranslated(list(said.values())) == []


def _inputs(schema: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for each in schema.__subclasses__():
        yield each
        yield from _inputs(each)


def _sentences(schema: type[BaseModel], body: dict[str, Any]) -> dict[str, str]:
    try:
        schema.model_validate(body)
    except ValidationError as error:
        return {each["type"]: CODE.sub("", message(each)) for each in error.errors(include_url=False)}
    except (AttributeError, TypeError):
        pass  # A query's values are always text.
    return {}


def test_emails_and_text_messages_are_translated(abroad: Flask) -> None:
    ruth = db.session.scalars(select(User).where(User.email == "ruth@bellhop.example")).one()
    ruth.phone = "+33612345678"
    site, now = SiteIdentity.from_config(abroad.config), utc_now()
    mails = [
        factories.delivery(row, address=f"{row.id}@example.com")
        for row in db.session.scalars(select(Notification).where(Notification.recipient_id == ruth.id))
    ]
    mails += [
        Delivery(kind=kind, recipient=ruth, channel="email", address=ruth.email, created_at=now)
        for kind in ("invitation", "password_reset", "daily_digest", "weekly_summary")
    ]
    db.session.add_all(mails)
    db.session.flush()
    assert len(mails) > 12
    with abroad.test_request_context():
        for each in mails:
            mail = payloads.build_payload(each, site, now)
            assert f'lang="{pseudo.LONG}"' in mail.html
            missed = untranslated([mail.subject, *mail.text.splitlines(), *PageContent(mail.html).texts])
            assert missed == [], each.kind


def test_alerts_are_in_the_admins_language(abroad: Flask) -> None:
    alerts.report_job_failure("sweep", alerts.JOB_FAILURES_BEFORE_ALERT, "", utc_now())
    template = db.session.get_one(NotificationTemplate, 1)
    alerts.report_template_failure(template.id, template.name, template.version, template.created_at, "")
    db.session.commit()
    rows = list(db.session.scalars(select(Notification).order_by(Notification.id.desc()).limit(2)))
    assert len(rows) == 2
    assert untranslated([text for row in rows for text in (row.title, row.message)]) == []


def test_page_templates_contain_no_untranslated_text() -> None:
    """Covers branches that no walk reaches: text outside gettext is a name, a key or a punctuation mark."""
    environment = Environment(extensions=["jinja2.ext.i18n"], trim_blocks=True, lstrip_blocks=True)
    for path in TEMPLATES.rglob("*.html"):
        literal = "".join(_literals(environment, path.read_text(encoding="utf-8")))
        # Text between two tags, but not half of an attribute that a macro supplies.
        texts = [text for text in PageContent(literal).texts if "=" not in text]
        assert [text for text in texts if pseudo.english(text)] == [], path


def _literals(environment: Environment, source: str) -> Iterator[str]:
    is_translated, begins = False, False
    for _line, kind, value in environment.lex(source):
        if begins and kind == "name":
            is_translated = value == "trans" or (is_translated and value != "endtrans")
            begins = False
        begins = begins or kind == "block_begin"
        if kind == "data" and not is_translated:
            yield value

"""Pages in a language with long words and in a right-to-left one: nothing is cut off, everything is mirrored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Page
from sqlalchemy import func, select

from app.database.base import db
from app.models import Notification, User
from app.services.operations import demo
from tests.conftest import make_app
from tests.support import pseudo
from tests.support.browser import CUT_OFF, axe, sign_in_browser

PAGES = {
    "ruth": ("/notifications?open={row}", "/notifications/{row}", "/preferences", "/account/devices"),
    "admin": (
        "/admin/templates/1",
        "/admin/deliveries",
        "/admin/announcements/new",
        "/admin",
        "/admin/users?invite=1",
        "/admin/users/1?event=interview.scheduled",
        "/admin/jobs",
        "/admin/audit",
        "/admin/preferences",
    ),
    "": ("/sign-in",),
}


@pytest.fixture(params=[pseudo.LONG, pseudo.RIGHT_TO_LEFT])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def app(database_file: Path, pseudo_catalogs: Path, language: str) -> Iterator[Flask]:
    """An application with the demo's people, who read that language."""
    app = make_app(
        f"sqlite:///{database_file}",
        BABEL_DEFAULT_LOCALE=language,
        BABEL_TRANSLATION_DIRECTORIES=str(pseudo_catalogs),
    )
    with app.app_context():
        demo.load()
        pseudo.make_data_foreign(language)
        yield app
        db.session.remove()
        db.engine.dispose()


def test_nothing_is_cut_off_on_any_screen_in_either_direction(
    language: str,
    page_factory: Callable[..., Page],
    live_server: str,
    sign_in: Callable[[User], FlaskClient],
) -> None:
    for name, paths in PAGES.items():
        page = page_factory(live_server)
        row = None
        if name:
            user = db.session.scalars(select(User).where(User.email.startswith(name))).one()
            row = db.session.scalar(
                select(func.min(Notification.id)).where(Notification.recipient_id == user.id)
            )
            sign_in_browser(page, sign_in(user), live_server)
        for path in paths:
            page.goto(path.format(row=row))
            for width in (390, 320, 1440):
                page.set_viewport_size({"width": width, "height": 900})
                assert page.evaluate(CUT_OFF) == [], f"{path} at {width} px"
            if language == pseudo.RIGHT_TO_LEFT:
                assert axe(page) == [], path
                side, main = (
                    page.locator(".side, .brand").first.bounding_box(),
                    page.locator("#main").bounding_box(),
                )
                assert not name or side["x"] > main["x"]

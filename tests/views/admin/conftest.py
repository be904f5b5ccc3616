"""The template that tests of its pages edit, and the admin who edits it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.models import NotificationTemplate, User
from app.services.routing import wording
from tests.views.admin.template_forms import LIST


@pytest.fixture
def template(app: Flask) -> NotificationTemplate:
    return wording.by_name("job_created")


@pytest.fixture
def page(template: NotificationTemplate) -> str:
    return f"{LIST}/{template.id}"


@pytest.fixture
def admin(sign_in: Callable[[User], FlaskClient], bob: User) -> FlaskClient:
    return sign_in(bob)

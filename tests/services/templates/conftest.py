"""Fixtures of the template tests."""

from __future__ import annotations

import pytest
from flask import Flask

from app.models import NotificationTemplate, User
from app.services.routing import wording
from tests.support import factories


@pytest.fixture
def template(app: Flask) -> NotificationTemplate:
    return wording.by_name("job_created")


@pytest.fixture
def dana(app: Flask) -> User:
    """Another admin."""
    return factories.user("dana@example.test", "Dana Weiss", role="admin")

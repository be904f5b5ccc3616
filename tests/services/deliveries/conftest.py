"""People of the delivery tests."""

from __future__ import annotations

import pytest
from flask import Flask

from app.models import User
from tests.support import factories


@pytest.fixture
def owner(any_app: Flask) -> User:
    return factories.user("alice@example.test", time_zone="Pacific/Apia")


@pytest.fixture
def admin(any_app: Flask) -> User:
    return factories.user("bob@example.test", role="admin")

from __future__ import annotations

import pytest
from flask import Flask

from app.models import User
from tests.support import factories


@pytest.fixture
def owner(any_app: Flask) -> User:
    return factories.user("alice@example.test")


@pytest.fixture
def stranger(any_app: Flask) -> User:
    return factories.user("charlie@example.test")

from __future__ import annotations

import pytest
from flask import Flask

from app.models import User
from tests.support import factories


@pytest.fixture
def people(any_app: Flask) -> tuple[User, User, User]:
    """A recruiter, an admin and another recruiter, in different time zones."""
    return (
        factories.user("alice@example.test", time_zone="Europe/Paris"),
        factories.user("bob@example.test", role="admin"),
        factories.user("charlie@example.test", time_zone="Asia/Kathmandu"),
    )

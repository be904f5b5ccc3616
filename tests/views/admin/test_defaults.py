"""Default preferences and required channels over HTTP."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from app.models import User
from app.services.preferences import editing as preference_editing
from app.services.routing import required_channels
from tests.views.forms import send

SignIn = Callable[[User], FlaskClient]


@pytest.mark.parametrize(
    "path",
    [
        "/admin/preferences",
        "/admin/preferences/undo",
        "/admin/preferences/locks",
        "/admin/preferences/locks/system/email/removal",
    ],
)
def test_recruiters_cannot_change_defaults_or_required_channels(
    alice: User, sign_in: SignIn, path: str
) -> None:
    fields = {
        "daily_digest": "1",
        "shown": "daily_digest",
        "category": "system",
        "channel": "email",
        "reason": "x",
    }
    assert send(sign_in(alice), "/preferences", path, **fields).status_code == 403
    assert preference_editing.defaults()["daily_digest"] is False
    assert required_channels.current_requirements() == {}

"""Posts a form of a page as a browser does, with its CSRF token."""

from __future__ import annotations

import re
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse


def send(client: FlaskClient, page: str, action: str, **fields: Any) -> TestResponse:
    """Load `page`, then post `fields` to `action` with the token found there."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get(page).text)
    assert found is not None, f"{page} has no form"
    return client.post(action, data=fields | {"csrf_token": found[1]})

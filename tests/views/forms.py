"""Sending a page's form as a browser does: with the CSRF token that stands in the page."""

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

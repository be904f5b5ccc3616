from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from app.views import api_docs


@pytest.mark.parametrize("path", ["/api/docs", "/api/docs/events"])
def test_the_docs_are_rendered_once_and_unchanged_pages_are_a_304(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    first = client.get(path)
    assert first.status_code == 200

    def render_again(*_args: object) -> None:
        raise AssertionError("rendered again")

    monkeypatch.setattr(api_docs, "_fields", render_again)
    assert client.get(path).data == first.data
    again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    assert again.data == b""

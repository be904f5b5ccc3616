"""Properties of all responses: pages, ETags, compression."""

from __future__ import annotations

import gzip
import json

import pytest

from app.services.accounts import tokens, webhooks
from app.services.notifications import saved_views
from tests.api.conftest import error_fields
from tests.support import factories

API = "/api/notifications"


@pytest.mark.parametrize("path", ["/api/tokens/", f"{API}/views/", f"{API}/templates/", "/api/webhooks/"])
def test_short_lists_are_paged(client, bob, admin_headers, path):
    for n in range(4):
        tokens.create(bob, f"Token {n}", ["read"])
        saved_views.create(bob, f"View {n}", saved_views.SavedFilter("inbox", (), (), f"word{n}"))
        webhooks.create(bob, f"https://example.com/{n}", secret="x")
    whole = [row["id"] for row in client.get(path, headers=admin_headers).json["results"]]
    assert len(whole) >= 4
    found, pages, url = [], [], f"{path}?limit=2"
    while url:
        page = client.get(url.removeprefix("http://bellhop.test"), headers=admin_headers)
        found += [row["id"] for row in page.json["results"]]
        pages.append(page)
        url = page.json["next"]
    assert found == whole
    assert f'<{pages[0].json["next"]}>; rel="next"' in pages[0].headers["Link"]
    back = client.get(
        pages[1].json["previous"].removeprefix("http://bellhop.test"), headers=admin_headers
    ).json
    assert [row["id"] for row in back["results"]] == whole[:2]
    assert back["previous"] is None
    assert error_fields(client.get(f"{path}?cursor=n999999", headers=admin_headers)) == ["cursor"]
    assert error_fields(client.get(f"{path}?limit=0", headers=admin_headers)) == ["limit"]


def test_long_responses_are_gzipped_if_the_caller_accepts_it(client, alice, token):
    for _ in range(20):
        factories.notification(alice)
    plain = client.get(f"{API}/", headers=token(alice))
    squeezed = client.get(f"{API}/", headers=token(alice) | {"Accept-Encoding": "gzip"})
    assert squeezed.headers["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(squeezed.data)) == plain.json
    assert "Accept-Encoding" in plain.headers["Vary"]


def test_every_get_has_an_etag_and_is_a_304_while_nothing_changes(client, bob, admin_headers):
    document = client.get("/api/openapi.json").json
    factories.notification(bob)
    reads = [path for path, item in document["paths"].items() if "get" in item and "{" not in path]
    assert len(reads) >= 8
    for path in reads:
        first = client.get(path, headers=admin_headers)
        same = client.get(path, headers=admin_headers | {"If-None-Match": first.headers["ETag"]})
        assert (same.status_code, same.data) == (304, b""), path
        assert client.head(path, headers=admin_headers).headers["ETag"] == first.headers["ETag"]
    before = client.get(f"{API}/", headers=admin_headers)
    factories.notification(bob)
    after = client.get(f"{API}/", headers=admin_headers | {"If-None-Match": before.headers["ETag"]})
    assert (after.status_code, len(after.json["results"])) == (200, 2)

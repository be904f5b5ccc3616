"""API tokens over the API."""

from __future__ import annotations

API = "/api/notifications"


def test_a_token_cannot_grant_scopes_it_lacks_and_shows_a_new_token_once(client, alice, token):
    headers = token(alice)
    refused = client.post("/api/tokens/", json={"name": "x", "scopes": ["events"]}, headers=headers)
    assert refused.status_code == 422
    keyed = headers | {"Idempotency-Key": "once"}
    first, second = (
        client.post("/api/tokens/", json={"name": "x", "scopes": ["read"]}, headers=keyed) for _ in "ab"
    )
    assert first.json["token"].startswith("bhp_")
    assert second.json == first.json | {"token": None}
    fresh = {"Authorization": f"Bearer {first.json['token']}"}
    assert client.get(f"{API}/", headers=fresh).status_code == 200
    assert client.delete(f"/api/tokens/{first.json['id']}/", headers=headers).status_code == 204
    assert client.get(f"{API}/", headers=fresh).status_code == 401

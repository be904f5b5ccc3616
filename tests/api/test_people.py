"""User accounts over the API."""

from __future__ import annotations

API = "/api/notifications"


def test_people_are_invited_changed_and_deactivated(client, alice, bob, admin_headers, token):
    made = client.post(
        "/api/people/", json={"email": "dana@example.test", "name": "Dana"}, headers=admin_headers
    )
    assert (made.status_code, made.json["role"]) == (201, "recruiter")
    path, hers = f"/api/people/{alice.id}/", token(alice)
    assert client.patch(path, json={"role": "admin"}, headers=admin_headers).json["role"] == "admin"
    assert client.patch(path, json={"is_enabled": False}, headers=admin_headers).json["is_enabled"] is False
    assert client.get(f"{API}/", headers=hers).status_code == 401
    assert (
        client.patch(f"/api/people/{bob.id}/", json={"role": "recruiter"}, headers=admin_headers).status_code
        == 403
    )
    first = client.get("/api/people/?limit=1", headers=admin_headers).json
    second = client.get(first["next"].removeprefix("http://bellhop.test"), headers=admin_headers).json
    back = client.get(second["previous"].removeprefix("http://bellhop.test"), headers=admin_headers).json
    assert back["results"] == first["results"] != second["results"]

"""Microsoft Teams of a person: connected under Devices, posted to, turned off when the flow is gone."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select

from app.channels import CONNECTORS
from app.channels.teams import TeamsChannel
from app.database.base import db
from app.models import AuditEntry, Delivery, Notification, TeamsAddress, User
from app.services.accounts import access, teams
from app.services.base import secret_addresses
from app.services.base.errors import Conflict, Invalid, NotFound
from app.services.routing import addresses
from tests.support import factories
from tests.support.delivery import SITE, deliver_due, reload
from tests.support.teams import check_message
from tests.support.web import Reply, WebServer


@pytest.fixture
def alice(app: Flask) -> User:
    return factories.user("alice@example.test")


@pytest.fixture
def flow(app: Flask, web_server: WebServer, monkeypatch: pytest.MonkeyPatch) -> WebServer:
    monkeypatch.setitem(CONNECTORS, "teams", lambda: TeamsChannel(lambda address: address.is_loopback))
    monkeypatch.setattr(secret_addresses, "public_url", lambda address: address)
    web_server.usual = Reply(202, b"")
    return web_server


def connect(user: User, flow: WebServer) -> TeamsAddress:
    url = f"{flow.url}/workflows/1/triggers/manual/paths/invoke?sig=planted"
    return teams.set_address(user, url, secret=SITE.secret)


def sent(user: User) -> Delivery:
    row = teams.find(user)
    assert row is not None
    return factories.delivery(factories.notification(user), "teams", address=row.address)


def test_a_person_connects_teams_and_gets_notifications_there(alice: User, flow: WebServer) -> None:
    assert "teams" not in addresses.reachable_channels(alice)
    row = connect(alice, flow)
    assert alice.preference.teams_enabled
    assert "teams" in addresses.reachable_channels(alice)
    assert "planted" not in f"{row.encrypted_address} {row.shown_address}"
    delivery, test = sent(alice), teams.send_test(alice)
    deliver_due()
    assert [reload(each).state for each in (delivery, test)] == ["sent", "sent"]
    titles = {check_message(call.body)["body"][0]["text"] for call in flow.calls}
    assert titles == {"Interview Scheduled for Priya Raman", "Test from Bellhop"}
    assert {call.path.rpartition("=")[2] for call in flow.calls} == {"planted"}
    entries = db.session.scalars(select(AuditEntry))
    assert not any("planted" in f"{entry.subject} {entry.detail}" for entry in entries)


@pytest.mark.parametrize("url", ["", "https://127.0.0.1/x", "http://example.com/x", "https://x.local/"])
def test_the_address_must_be_on_the_public_internet(alice: User, url: str) -> None:
    with pytest.raises(Invalid) as caught:
        teams.set_address(alice, url, secret=SITE.secret)
    assert list(caught.value.errors) == ["teams_url"]


def test_a_flow_that_is_gone_is_turned_off_and_its_owner_is_told(alice: User, flow: WebServer) -> None:
    connect(alice, flow)
    delivery = sent(alice)
    flow.usual = Reply(404, b"")
    deliver_due()
    assert (reload(delivery).state, reload(delivery).reason) == ("failed", "refused")
    alert = db.session.scalars(select(Notification).order_by(Notification.id.desc())).first()
    assert alert is not None
    assert alert.title == "Microsoft Teams was turned off"
    assert "its owner has left" in alert.message
    assert "teams" not in addresses.reachable_channels(alice)
    with pytest.raises(Conflict):
        teams.send_test(alice)
    teams.turn_on(alice)
    assert "teams" in addresses.reachable_channels(alice)


def test_what_waits_is_not_posted_after_teams_was_disconnected(alice: User, flow: WebServer) -> None:
    connect(alice, flow)
    delivery = sent(alice)
    teams.remove(alice)
    deliver_due()
    assert (reload(delivery).state, reload(delivery).reason) == ("skipped", "endpoint_gone")
    assert flow.calls == []
    for attempt in (teams.remove, teams.turn_on, teams.send_test):
        with pytest.raises(NotFound):
            attempt(alice)


def test_revoking_access_disconnects_teams(alice: User, flow: WebServer) -> None:
    connect(alice, flow)
    assert access.revoke(alice).webhooks == 1
    assert teams.find(alice) is None

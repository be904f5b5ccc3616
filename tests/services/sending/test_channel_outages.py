"""Outages of a mail server: who is alerted, how often, and what the pages show."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app.channels import CONNECTORS
from app.channels.base import Message, Receipt
from app.channels.safe_http import NoResponse
from app.clock import utc_now
from app.database.base import db
from app.models import ChannelOutage, Delivery, Notification, User
from app.services.operations import job_runs
from app.services.sending import channel_outages
from app.services.sending.backoff import HostBackoff
from app.services.sending.worker import DeliveryWorker
from tests.support import endpoints, factories
from tests.support.delivery import delivery_worker, pending_email, reload
from tests.support.smtp import Mailbox, Server, point_at
from tests.support.web import Reply, WebServer

MINUTE = timedelta(minutes=1)


def alerts_of(user: User) -> list[str]:
    query = select(Notification.title).where(Notification.recipient_id == user.id).order_by(Notification.id)
    return list(db.session.scalars(query))


def move_clock(seconds: float) -> None:
    """Date an outage back, instead of waiting."""
    for outage in db.session.scalars(select(ChannelOutage)):
        outage.began_at -= timedelta(seconds=seconds)
    db.session.commit()


def test_admins_are_alerted_once_to_an_outage_and_once_to_its_end(
    any_app: Flask,
) -> None:
    server = Server(Mailbox())
    point_at(any_app, server.port)
    alice = factories.user("alice@example.test")
    bob = factories.user("bob@example.test", role="admin")
    pending_email(alice)
    delivery_worker().deliver_due()
    assert alerts_of(bob) == [], "a restart of the mail server is not worth an alert"
    move_clock(61)
    for _sender in range(3):  # Other processes, and after a restart.
        delivery_worker().deliver_due()
    assert alerts_of(bob) == ["Email is not working: the server cannot be reached"]
    assert len(alerts_of(alice)) == 1, "her own, no alert"
    only_in_app = select(Delivery.channel).where(Delivery.recipient_id == bob.id)
    assert list(db.session.scalars(only_in_app)) == ["in_app"]
    server.start()
    for _sender in range(2):
        delivery_worker().deliver_due()
    server.stop()
    assert alerts_of(bob)[1:] == ["Email works again"]
    assert channel_outages.current_outages() == {}


def test_rejected_settings_are_an_outage_too(
    smtp: Server, alice: User, bob: User, worker: DeliveryWorker
) -> None:
    smtp.mailbox.at, smtp.mailbox.answers = "RCPT", ["554 5.7.1 relay access denied"] * 9
    pending_email(alice)
    worker.deliver_due()
    move_clock(61)
    worker.deliver_due(utc_now() + 5 * MINUTE)
    assert alerts_of(bob) == ["Email is not working: Bellhop's settings were rejected"]


def test_an_sms_outage_is_reported_the_same_way(channel_server: WebServer) -> None:
    alice = factories.user("alice@example.test", phone="+442079460958", preference={"sms_enabled": True})
    bob = factories.user("bob@example.test", role="admin")
    channel_server.usual = Reply(401, b'{"code": 20003, "message": "Authenticate"}')
    row = factories.delivery(factories.notification(alice), "sms", address=alice.phone)
    delivery_worker().deliver_due()
    move_clock(61)
    delivery_worker().deliver_due()
    assert (reload(row).state, row.reason) == ("retry_wait", "misconfigured")
    assert alerts_of(bob) == ["SMS is not working: Bellhop's settings were rejected"]
    channel_server.usual = Reply(201, b'{"sid": "SM42", "status": "queued"}')
    delivery_worker().deliver_due()
    assert alerts_of(bob)[1:] == ["SMS works again"]


class NobodyResponds:
    """A channel whose hosts cannot be reached, but for those that the test names."""

    def __init__(self) -> None:
        self.reachable: set[str] = set()

    def send(self, message: Message) -> Receipt:
        if message.address not in self.reachable:
            raise NoResponse(f"{message.address} cannot be reached", was_sent=False)
        return Receipt("200")

    def close(self) -> None:
        """Nothing is open."""


def test_hosts_that_several_people_use_are_an_outage_and_those_of_one_person_are_not(
    any_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = factories.user("bob@example.test", role="admin")
    channel, worker = NobodyResponds(), delivery_worker()
    # One instant for all, so that what failed before is not tried again, however slow the machine is.
    now = utc_now() + timedelta(minutes=1)
    monkeypatch.setitem(CONNECTORS, "webhook", lambda: channel)

    def call(name: str, count: int = 1) -> None:
        person = factories.user(f"{name}@example.test", preference={"webhook_enabled": True})
        for number in range(count):
            hook = endpoints.add_webhook(person, f"https://{name}{number}.example.test/")
            factories.delivery(factories.notification(person), "webhook", address=hook.address)
        worker.deliver_due(now)

    call("alice", 3)
    assert channel_outages.current_outages() == {}, "she alone"
    call("charlie")
    assert list(channel_outages.current_outages()) == ["webhook"]
    move_clock(61)
    call("dana")
    assert alerts_of(bob) == ["Webhook is not working: the server cannot be reached"]
    channel.reachable.add("https://erin0.example.test/")
    call("erin")
    assert alerts_of(bob)[1:] == ["Webhook works again"]
    call("frank")
    assert channel_outages.current_outages() == {}, "he alone, since something was sent"


def test_an_outage_after_which_nothing_was_tried_is_forgotten(app: Flask, bob: User) -> None:
    now = utc_now()
    for when in (now - timedelta(days=3), now - timedelta(days=3) + 2 * MINUTE):
        channel_outages.record_failure("push", "down", when, is_our_fault=False)
    assert channel_outages.current_outages() == {}
    for when in (now - 2 * MINUTE, now):
        channel_outages.record_failure("push", "down again", when, is_our_fault=False)
    assert len(alerts_of(bob)) == 2


def test_every_waiting_delivery_shows_since_when(
    smtp: Server, alice: User, bob: User, worker: DeliveryWorker, sign_in: Callable[[User], FlaskClient]
) -> None:
    smtp.stop()
    for number in range(30):
        pending_email(alice, f"Number {number}")
    later = pending_email(alice, "Later", due_at=utc_now() + timedelta(hours=1), reason="scheduled")
    worker.deliver_due()
    page = sign_in(bob).get("/admin/deliveries").text
    assert page.count("which has not responded since") == 30
    assert "Email has not been sent since" in page
    explanation = sign_in(alice).get(f"/notifications/{later.notification_id}/explain").text
    assert "which has not responded since" not in explanation


def test_the_jobs_page_does_not_say_done_while_messages_wait(
    smtp: Server, alice: User, bob: User, worker: DeliveryWorker, sign_in: Callable[[User], FlaskClient]
) -> None:
    smtp.stop()
    pending_email(alice)
    worker.deliver_due()
    job_runs.record_frequent_run("deliver", utc_now(), 0)
    page = sign_in(bob).get("/admin/jobs").text
    row = page[page.index('id="job-deliver"') :]
    assert "Messages waiting" in row[: row.index("</li>")]
    assert "Email has not been sent since" in page
    smtp.start()
    worker.backoff = HostBackoff()
    worker.deliver_due()
    page = sign_in(bob).get("/admin/jobs").text
    assert "Messages waiting" not in page
    assert "has not been sent" not in page


def test_a_clock_that_goes_back_does_not_hide_an_outage(app: Flask, bob: User) -> None:
    now = utc_now()
    times: list[datetime] = [now, now - timedelta(hours=1), now - timedelta(hours=1) + 2 * MINUTE]
    for when in times:
        channel_outages.record_failure("email", "down", when, is_our_fault=False)
    assert len(alerts_of(bob)) == 1

"""Sending email: results, retries, backoffs, and what they leave in the database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.clock import utc_now
from app.database.base import db
from app.models import AuditEntry, CapturedMail, Delivery, DeliveryAttempt, Notification, Suppression, User
from app.services.routing import reasons
from app.services.sending.backoff import HostBackoff
from app.services.sending.worker import DeliveryWorker
from tests.support.delivery import pending_email, reload
from tests.support.smtp import Script, Server, point_at


def attempts(delivery: Delivery) -> list[DeliveryAttempt]:
    wanted = (
        select(DeliveryAttempt).where(DeliveryAttempt.delivery_id == delivery.id).order_by(DeliveryAttempt.id)
    )
    return list(db.session.scalars(wanted))


def refused_email(smtp: Server, user: User, worker: DeliveryWorker, reply: str) -> Delivery:
    """Try to send an email whose recipient the mail server refuses with this reply."""
    smtp.mailbox.answers, smtp.mailbox.at = [reply], "RCPT"
    row = pending_email(user)
    worker.deliver_due()
    return reload(row)


def test_due_emails_are_sent_once_over_one_connection(
    smtp: Server, alice: User, worker: DeliveryWorker
) -> None:
    rows = [pending_email(alice, f"Number {number}") for number in range(30)]
    worker.deliver_due()
    worker.deliver_due()
    assert [mail["Subject"] for mail in smtp.mailbox.mails] == [f"Number {number}" for number in range(30)]
    assert len(smtp.mailbox.connections) == 1
    assert {reload(row).state for row in rows} == {"sent"}
    assert reload(rows[0]).token is None
    assert reload(rows[0]).sent_at is not None
    assert [entry.outcome for entry in attempts(rows[0])] == ["sent"]
    assert "queued" in attempts(rows[0])[0].response


def test_emails_to_a_server_that_allows_it_share_their_round_trips(
    app: Flask, alice: User, worker: DeliveryWorker
) -> None:
    """This server says nothing about an email before it has the envelope of the next one."""
    rows = [pending_email(alice, f"Number {number}") for number in range(3)]
    envelope, ahead = "250 ok\r\n250 ok\r\n354 go on", ["read_message", "read_three"]
    opening = ["220 hello", "250-hello\r\n250 PIPELINING", "read_two", envelope]
    replies = [f"250 first\r\n{envelope}", *ahead, f"250 second\r\n{envelope}", "read_message", "250 third"]
    server = Script([*opening, *ahead, *replies])
    point_at(app, server.port)
    worker.deliver_due()
    server.close()
    assert [attempts(reload(row))[0].response for row in rows] == ["250 first", "250 second", "250 third"]
    assert [f"Number {number}".encode() in raw for number, raw in enumerate(server.messages)] == [True] * 3


def test_first_sent_delivery_marks_the_notification_as_sent(
    smtp: Server, alice: User, worker: DeliveryWorker
) -> None:
    row = pending_email(alice)
    worker.deliver_due()
    notification = db.session.get_one(Notification, row.notification_id, populate_existing=True)
    assert notification.status == "sent"
    assert notification.sent_at is not None


def test_emails_are_captured_without_a_mail_server(app: Flask, alice: User, worker: DeliveryWorker) -> None:
    row = pending_email(alice)
    worker.deliver_due()
    assert reload(row).state == "sent"
    assert reload(row).reason == "kept"
    assert b"Subject: Resume Processed: cv.pdf" in db.session.get_one(CapturedMail, row.id).raw


def test_emails_are_not_sent_before_they_are_due(smtp: Server, alice: User, worker: DeliveryWorker) -> None:
    now = utc_now()
    row = pending_email(alice, due_at=now + timedelta(hours=1))
    worker.deliver_due(now)
    assert reload(row).state == "pending"
    worker.deliver_due(now + timedelta(hours=1))
    assert reload(row).state == "sent"


def test_temporary_failure_is_retried_on_schedule_with_the_same_message_id(
    smtp: Server, alice: User, worker: DeliveryWorker
) -> None:
    smtp.mailbox.answers = ["451 4.3.0 busy"]
    now = utc_now()
    row = pending_email(alice, due_at=now)
    worker.deliver_due(now)
    assert (reload(row).state, row.reason, row.attempts) == ("retry_wait", "deferred", 1)
    assert timedelta(seconds=48) <= row.due_at - now <= timedelta(seconds=72)
    worker.deliver_due(now + timedelta(seconds=40))
    assert reload(row).attempts == 1
    worker.deliver_due(now + timedelta(seconds=73))
    assert (reload(row).state, row.attempts) == ("sent", 2)
    assert [(entry.number, entry.outcome) for entry in attempts(row)] == [(1, "retry_wait"), (2, "sent")]
    assert attempts(row)[0].response == "451 4.3.0 busy"
    micros = int(row.created_at.timestamp() * 1_000_000)
    assert list(smtp.mailbox.message_ids) == [f"<d{row.id}.{micros}@bellhop.test>"]


def test_unknown_mailbox_fails_the_delivery_and_suppresses_the_address(
    smtp: Server, alice: User, worker: DeliveryWorker
) -> None:
    first = refused_email(smtp, alice, worker, "550 5.1.1 no such user")
    assert (first.state, first.reason) == ("failed", "refused")
    assert db.session.get_one(Notification, first.notification_id, populate_existing=True).status == "failed"
    assert [row.address for row in db.session.scalars(select(Suppression))] == [alice.email]
    second = pending_email(alice)
    worker.deliver_due()
    assert (reload(second).state, second.reason) == ("suppressed", "address_suppressed")
    assert attempts(second) == []
    assert smtp.mailbox.raw == []


def test_full_mailbox_does_not_suppress_the_address(
    smtp: Server, alice: User, worker: DeliveryWorker
) -> None:
    row = refused_email(smtp, alice, worker, "552 5.2.2 mailbox full")
    assert row.state == "retry_wait"
    assert db.session.scalar(select(func.count()).select_from(Suppression)) == 0


def test_one_rejected_email_does_not_stop_the_others(
    smtp: Server, alice: User, worker: DeliveryWorker
) -> None:
    smtp.mailbox.answers = ["550 5.7.1 no thanks"]
    rows = [pending_email(alice, f"Number {number}") for number in range(3)]
    worker.deliver_due()
    assert [reload(row).state for row in rows] == ["failed", "sent", "sent"]


def test_421_backs_off_from_the_whole_host(smtp: Server, alice: User, worker: DeliveryWorker) -> None:
    smtp.mailbox.answers = ["421 4.7.0 too many mails"]
    rows = [pending_email(alice) for _ in range(3)]
    worker.deliver_due()
    assert [reload(row).state for row in rows] == ["retry_wait", "pending", "pending"]
    worker.deliver_due()
    assert smtp.mailbox.raw == []
    worker.backoff = HostBackoff()
    worker.deliver_due()
    assert [reload(row).state for row in rows] == ["retry_wait", "sent", "sent"]


def test_unreachable_server_costs_no_attempt_and_gets_the_email_when_it_is_back(
    smtp: Server, alice: User, worker: DeliveryWorker
) -> None:
    smtp.stop()
    rows = [pending_email(alice) for _ in range(3)]
    worker.deliver_due()
    assert {(reload(row).state, row.reason, row.attempts) for row in rows} == {("pending", "unreachable", 0)}
    assert "refused" in reasons.describe(rows[0].state, rows[0].reason, rows[0].reason_data, time_zone="UTC")
    smtp.start()
    worker.deliver_due()
    assert smtp.mailbox.raw == [], "it rests first"
    worker.backoff = HostBackoff()
    worker.deliver_due()
    assert {reload(row).state for row in rows} == {"sent"}
    assert len(smtp.mailbox.message_ids) == 3


def test_wrong_credentials_cost_no_attempt(app: Flask, alice: User, worker: DeliveryWorker) -> None:
    server = Script(["220 hello", "250-hello\r\n250 AUTH PLAIN", "535 5.7.8 wrong password"])
    point_at(app, server.port, username="bellhop", password="secret word")
    row = pending_email(alice)
    worker.deliver_due()
    server.close()
    assert (reload(row).state, row.reason, row.attempts) == ("retry_wait", "misconfigured", 0)
    assert "535" in row.reason_data["detail"]
    assert "secret word" not in str(row.reason_data)


@pytest.mark.parametrize(
    ("at", "answer"),
    [
        ("MAIL", "553 5.1.8 your domain does not exist"),
        ("MAIL", "550 we do not know you"),
        ("MAIL", "530 5.7.0 sign in first"),
        ("RCPT", "554 5.7.1 relay access denied"),
        ("RCPT", "550 relay not permitted"),
        ("DATA", "550 5.7.60 not allowed to send as this sender"),
    ],
)
def test_mail_waits_while_our_settings_are_refused_and_is_sent_once_they_are_fixed(
    smtp: Server, alice: User, worker: DeliveryWorker, at: str, answer: str
) -> None:
    smtp.mailbox.at, smtp.mailbox.answers = at, [answer] * 200
    rows = [pending_email(alice) for _ in range(2)]
    now = utc_now()
    for minutes in range(0, 400, 20):  # More attempts than the schedule has.
        worker.backoff = HostBackoff()
        worker.deliver_due(now + timedelta(minutes=minutes))
    assert {(reload(row).state, row.reason) for row in rows} == {("retry_wait", "misconfigured")}
    words = reasons.describe(rows[0].state, rows[0].reason, rows[0].reason_data, time_zone="UTC")
    assert "Bellhop's own Email settings" in words
    assert answer in words
    assert db.session.scalar(select(func.count()).select_from(Suppression)) == 0
    smtp.mailbox.answers = []
    worker.backoff = HostBackoff()
    worker.deliver_due(now + timedelta(minutes=420))
    assert {reload(row).state for row in rows} == {"sent"}


def test_a_relay_for_some_domains_only_delays_no_other_mail(
    smtp: Server, alice: User, worker: DeliveryWorker
) -> None:
    smtp.mailbox.at, smtp.mailbox.answers = "RCPT", ["554 5.7.1 relay access denied"]
    rows = [pending_email(alice) for _ in range(3)]
    worker.deliver_due()
    assert [reload(row).state for row in rows] == ["retry_wait", "sent", "sent"]


@pytest.mark.parametrize("sender", ["no address", "Bellhop <>"])
@pytest.mark.parametrize("is_captured", [True, False])
def test_mail_waits_while_the_sender_is_not_an_address(
    app: Flask, smtp: Server, alice: User, worker: DeliveryWorker, sender: str, is_captured: bool
) -> None:
    point_at(app, smtp.port, default_sender=sender)
    if is_captured:
        app.extensions["mail"].server = ""
    row = pending_email(alice)
    worker.deliver_due()
    assert (reload(row).state, row.reason) == ("retry_wait", "misconfigured")
    assert "DEFAULT_FROM_EMAIL" in row.reason_data["detail"]
    app.extensions["mail"].default_sender = "Alder Robotics, Inc. <bellhop@example.test>"
    worker.backoff = HostBackoff()
    worker.deliver_due()
    assert reload(row).state == "sent"


def test_a_message_held_for_its_reader_keeps_its_reason_while_the_server_is_down(
    smtp: Server, alice: User, worker: DeliveryWorker
) -> None:
    smtp.stop()
    row = pending_email(alice, reason="unread_wait")
    worker.deliver_due()
    assert reload(row).reason == "unread_wait"
    row.notification.read_at = utc_now()
    db.session.commit()
    worker.backoff = HostBackoff()
    smtp.start()
    worker.deliver_due()
    assert (reload(row).state, row.reason) == ("skipped", "read_before_sending")


HELLO: list[str | None] = ["220 hello", "250 hello", "250 sender ok", "250 recipient ok", "354 go on"]


def test_connection_lost_during_data_is_retried_soon(app: Flask, alice: User, worker: DeliveryWorker) -> None:
    server = Script([*HELLO, None])
    point_at(app, server.port)
    now = utc_now()
    row = pending_email(alice, due_at=now)
    worker.deliver_due(now)
    server.close()
    assert (reload(row).state, row.reason) == ("retry_wait", "deferred")
    assert row.due_at - now < timedelta(minutes=2)


def test_connection_closed_between_two_emails_costs_no_attempt(
    app: Flask, alice: User, worker: DeliveryWorker
) -> None:
    taken: list[str | None] = [*HELLO, "read_message", "250 taken"]
    server = Script(taken, taken)
    point_at(app, server.port)
    rows = [pending_email(alice, f"Number {number}") for number in range(2)]
    worker.deliver_due()
    server.close()
    assert [(reload(row).state, row.attempts) for row in rows] == [("sent", 1), ("sent", 1)]
    assert len(server.messages) == 2


def test_unacknowledged_email_is_repeated_once_after_fifteen_minutes(
    app: Flask, alice: User, worker: DeliveryWorker
) -> None:
    server = Script([*HELLO, "read_message", None], [*HELLO, "read_message", None])
    point_at(app, server.port)
    now = utc_now()
    row = pending_email(alice, due_at=now)
    worker.deliver_due(now)
    assert (reload(row).state, row.reason) == ("retry_wait", "answer_lost")
    assert row.due_at == now + timedelta(minutes=15)
    worker.deliver_due(now + timedelta(minutes=15))
    assert (reload(row).state, row.attempts) == ("uncertain", 2)
    worker.deliver_due(now + timedelta(days=1))
    assert reload(row).attempts == 2
    server.close()
    ids = {line for body in server.messages for line in body.splitlines() if line.startswith(b"Message-ID")}
    assert (len(server.messages), len(ids)) == (2, 1)


def test_retry_after_the_expiry_expires_the_delivery(
    smtp: Server, alice: User, worker: DeliveryWorker
) -> None:
    smtp.mailbox.answers = ["450 4.2.0 greylisted"]
    row = pending_email(alice, expires_at=utc_now() + timedelta(seconds=30))
    worker.deliver_due()
    assert (reload(row).state, row.reason) == ("expired", "expired")


def test_every_final_result_is_audited_and_has_a_sentence(
    smtp: Server, alice: User, worker: DeliveryWorker
) -> None:
    smtp.mailbox.answers = ["554 5.6.0 spam"]
    rows = [pending_email(alice) for _ in range(2)]
    worker.deliver_due()
    entries = db.session.scalars(select(AuditEntry).where(AuditEntry.action.startswith("delivery."))).all()
    assert [(entry.action, entry.subject) for entry in entries] == [
        ("delivery.failed", alice.email),
        ("delivery.sent", alice.email),
    ]
    said = [reasons.describe(reload(row).state, row.reason, row.reason_data, time_zone="UTC") for row in rows]
    assert said == ["Rejected: 554 5.6.0 spam", "Sent"]


def test_a_run_stops_when_a_channel_is_no_longer_ours(
    app: Flask, smtp: Server, alice: User, worker: DeliveryWorker
) -> None:
    rows = [pending_email(alice) for _number in range(5)]
    done = worker.deliver_due(must_send=lambda _channel: len(smtp.mailbox.raw) < 2)
    assert done == 2
    assert sorted(reload(row).state for row in rows) == ["pending"] * 3 + ["sent"] * 2

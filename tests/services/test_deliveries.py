from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from app import catalog
from app.channels import retry_schedule, smtp_replies
from app.clock import utc_now
from app.database.base import db
from app.models import AuditEntry, CapturedMail, Delivery, DeliveryAttempt, Notification, Suppression, User
from app.services.routing import reasons
from app.services.sending import lease, outbox, results
from app.services.sending.email import SiteIdentity
from app.services.sending.lease import Claim
from app.services.sending.results import SendResult
from app.services.sending.worker import DeliveryWorker
from tests.support import factories
from tests.support.smtp import Script, Server, point_at

SENDER = SiteIdentity("http://bellhop.test", "Bellhop <bellhop@example.test>", "a key for tests only")


@pytest.fixture
def courier() -> DeliveryWorker:
    return DeliveryWorker(SENDER)


def pending_mail(user: User, title: str = "Resume Processed: cv.pdf", **fields: object) -> Delivery:
    row = factories.notification(
        user, title, notification_type="resume_processed", status="pending", sent_at=None
    )
    return factories.delivery(row, address=fields.pop("address", user.email), **fields)  # type: ignore[arg-type]


def fresh(delivery: Delivery) -> Delivery:
    db.session.refresh(delivery)
    return delivery


def attempts(delivery: Delivery) -> list[DeliveryAttempt]:
    wanted = (
        select(DeliveryAttempt).where(DeliveryAttempt.delivery_id == delivery.id).order_by(DeliveryAttempt.id)
    )
    return list(db.session.scalars(wanted))


def test_what_is_due_goes_out_once_on_one_connection(
    smtp: Server, alice: User, courier: DeliveryWorker
) -> None:
    rows = [pending_mail(alice, f"Number {number}") for number in range(30)]
    courier.deliver_due()
    courier.deliver_due()
    assert [mail["Subject"] for mail in smtp.mailbox.mails] == [f"Number {number}" for number in range(30)]
    assert len(smtp.mailbox.connections) == 1
    assert {fresh(row).state for row in rows} == {"sent"}
    assert fresh(rows[0]).token is None
    assert fresh(rows[0]).sent_at is not None
    assert [entry.outcome for entry in attempts(rows[0])] == ["sent"]
    assert "queued" in attempts(rows[0])[0].response


def test_the_first_success_makes_the_notification_sent(
    smtp: Server, alice: User, courier: DeliveryWorker
) -> None:
    row = pending_mail(alice)
    courier.deliver_due()
    notification = db.session.get_one(Notification, row.notification_id, populate_existing=True)
    assert notification.status == "sent"
    assert notification.sent_at is not None


def test_without_a_mail_server_the_mail_is_kept(app: Flask, alice: User, courier: DeliveryWorker) -> None:
    row = pending_mail(alice)
    courier.deliver_due()
    assert fresh(row).state == "sent"
    assert fresh(row).reason == "kept"
    assert b"Subject: Resume Processed: cv.pdf" in db.session.get_one(CapturedMail, row.id).raw


def test_what_is_not_due_stays(smtp: Server, alice: User, courier: DeliveryWorker) -> None:
    now = utc_now()
    row = pending_mail(alice, due_at=now + timedelta(hours=1))
    courier.deliver_due(now)
    assert fresh(row).state == "pending"
    courier.deliver_due(now + timedelta(hours=1))
    assert fresh(row).state == "sent"


def test_a_temporary_refusal_is_tried_again_on_schedule_with_the_same_message_id(
    smtp: Server, alice: User, courier: DeliveryWorker
) -> None:
    smtp.mailbox.answers = ["451 4.3.0 busy"]
    now = utc_now()
    row = pending_mail(alice, due_at=now)
    courier.deliver_due(now)
    assert (fresh(row).state, row.reason, row.attempts) == ("retry_wait", "deferred", 1)
    assert timedelta(seconds=48) <= row.due_at - now <= timedelta(seconds=72)
    courier.deliver_due(now + timedelta(seconds=40))
    assert fresh(row).attempts == 1
    courier.deliver_due(now + timedelta(seconds=73))
    assert (fresh(row).state, row.attempts) == ("sent", 2)
    assert [(entry.number, entry.outcome) for entry in attempts(row)] == [(1, "retry_wait"), (2, "sent")]
    assert attempts(row)[0].response == "451 4.3.0 busy"
    micros = int(row.created_at.timestamp() * 1_000_000)
    assert list(smtp.mailbox.message_ids) == [f"<d{row.id}.{micros}@bellhop.test>"]


def test_an_unknown_mailbox_ends_it_and_suppresses_the_address(
    smtp: Server, alice: User, courier: DeliveryWorker
) -> None:
    smtp.mailbox.answers, smtp.mailbox.at = ["550 5.1.1 no such user"], "RCPT"
    first = pending_mail(alice)
    courier.deliver_due()
    assert (fresh(first).state, first.reason) == ("failed", "refused")
    assert db.session.get_one(Notification, first.notification_id, populate_existing=True).status == "failed"
    assert [row.address for row in db.session.scalars(select(Suppression))] == [alice.email]
    second = pending_mail(alice)
    courier.deliver_due()
    assert (fresh(second).state, second.reason) == ("suppressed", "address_suppressed")
    assert attempts(second) == []
    assert smtp.mailbox.raw == []


def test_a_full_mailbox_suppresses_nothing(smtp: Server, alice: User, courier: DeliveryWorker) -> None:
    smtp.mailbox.answers, smtp.mailbox.at = ["552 5.2.2 mailbox full"], "RCPT"
    row = pending_mail(alice)
    courier.deliver_due()
    assert fresh(row).state == "retry_wait"
    assert db.session.scalar(select(func.count()).select_from(Suppression)) == 0


def test_one_refusal_does_not_stop_the_others(smtp: Server, alice: User, courier: DeliveryWorker) -> None:
    smtp.mailbox.answers = ["550 5.7.1 no thanks"]
    rows = [pending_mail(alice, f"Number {number}") for number in range(3)]
    courier.deliver_due()
    assert [fresh(row).state for row in rows] == ["failed", "sent", "sent"]


def test_421_gives_the_whole_host_a_rest(smtp: Server, alice: User, courier: DeliveryWorker) -> None:
    smtp.mailbox.answers = ["421 4.7.0 too many mails"]
    rows = [pending_mail(alice) for _ in range(3)]
    courier.deliver_due()
    assert [fresh(row).state for row in rows] == ["retry_wait", "pending", "pending"]
    courier.deliver_due()
    assert smtp.mailbox.raw == []
    courier.pauses["email"] = (0.0, 5.0)
    courier.deliver_due()
    assert [fresh(row).state for row in rows] == ["retry_wait", "sent", "sent"]


def test_an_unreachable_server_costs_no_attempt_and_gets_the_mail_when_it_is_back(
    smtp: Server, alice: User, courier: DeliveryWorker
) -> None:
    smtp.stop()
    rows = [pending_mail(alice) for _ in range(3)]
    courier.deliver_due()
    assert {(fresh(row).state, row.reason, row.attempts) for row in rows} == {("pending", "unreachable", 0)}
    assert "refused" in reasons.describe(rows[0].state, rows[0].reason, rows[0].reason_data, time_zone="UTC")
    smtp.start()
    courier.deliver_due()
    assert smtp.mailbox.raw == [], "it rests first"
    assert courier.pauses["email"][1] == 5.0
    courier.pauses["email"] = (0.0, 5.0)
    courier.deliver_due()
    assert {fresh(row).state for row in rows} == {"sent"}
    assert len(smtp.mailbox.message_ids) == 3


def test_wrong_credentials_are_not_the_recipients_fault(
    app: Flask, alice: User, courier: DeliveryWorker
) -> None:
    server = Script(["220 hello", "250-hello\r\n250 AUTH PLAIN", "535 5.7.8 wrong password"])
    point_at(app, server.port)
    app.extensions["mail"].username, app.extensions["mail"].password = "bellhop", "secret word"
    row = pending_mail(alice)
    courier.deliver_due()
    server.close()
    assert (fresh(row).state, row.reason, row.attempts) == ("pending", "unreachable", 0)
    assert "535" in row.reason_data["detail"]
    assert "secret word" not in str(row.reason_data)


HELLO: list[str | None] = ["220 hello", "250 hello", "250 sender ok", "250 recipient ok", "354 go on"]


def test_a_connection_cut_in_data_is_tried_again_soon(
    app: Flask, alice: User, courier: DeliveryWorker
) -> None:
    server = Script([*HELLO, None])
    point_at(app, server.port)
    now = utc_now()
    row = pending_mail(alice, due_at=now)
    courier.deliver_due(now)
    server.close()
    assert (fresh(row).state, row.reason) == ("retry_wait", "deferred")
    assert row.due_at - now < timedelta(minutes=2)


def test_a_connection_closed_between_two_mails_costs_no_attempt(
    app: Flask, alice: User, courier: DeliveryWorker
) -> None:
    taken: list[str | None] = [*HELLO, "read_message", "250 taken"]
    server = Script(taken, taken)
    point_at(app, server.port)
    rows = [pending_mail(alice, f"Number {number}") for number in range(2)]
    courier.deliver_due()
    server.close()
    assert [(fresh(row).state, row.attempts) for row in rows] == [("sent", 1), ("sent", 1)]
    assert len(server.messages) == 2


def test_an_answer_lost_after_the_dot_is_repeated_once_after_a_quarter_of_an_hour(
    app: Flask, alice: User, courier: DeliveryWorker
) -> None:
    server = Script([*HELLO, "read_message", None], [*HELLO, "read_message", None])
    point_at(app, server.port)
    now = utc_now()
    row = pending_mail(alice, due_at=now)
    courier.deliver_due(now)
    assert (fresh(row).state, row.reason) == ("retry_wait", "answer_lost")
    assert row.due_at == now + timedelta(minutes=15)
    courier.deliver_due(now + timedelta(minutes=15))
    assert (fresh(row).state, row.attempts) == ("uncertain", 2)
    courier.deliver_due(now + timedelta(days=1))
    assert fresh(row).attempts == 2
    server.close()
    ids = {line for body in server.messages for line in body.splitlines() if line.startswith(b"Message-ID")}
    assert (len(server.messages), len(ids)) == (2, 1)


def test_a_retry_that_would_come_too_late_expires(smtp: Server, alice: User, courier: DeliveryWorker) -> None:
    smtp.mailbox.answers = ["450 4.2.0 greylisted"]
    row = pending_mail(alice, expires_at=utc_now() + timedelta(seconds=30))
    courier.deliver_due()
    assert (fresh(row).state, row.reason) == ("expired", "expired")


@pytest.mark.parametrize(
    ("change", "state", "reason"),
    [
        ({"recipient": {"is_enabled": False}}, "skipped", "recipient_inactive"),
        ({"notification": {"status": "cancelled"}}, "cancelled", "cancelled"),
        ({"delivery": {"expires_at": utc_now()}}, "expired", "expired"),
        (
            {"delivery": {"reason": "unread_wait"}, "notification": {"read_at": utc_now()}},
            "skipped",
            "read_before_sending",
        ),
    ],
)
def test_what_speaks_against_sending_is_looked_at_again(
    smtp: Server,
    alice: User,
    courier: DeliveryWorker,
    change: dict[str, dict[str, object]],
    state: str,
    reason: str,
) -> None:
    row = pending_mail(alice)
    things = {"delivery": row, "notification": row.notification, "recipient": alice}
    for name, values in change.items():
        for field, value in values.items():
            setattr(things[name], field, value)
    db.session.commit()
    courier.deliver_due()
    assert (fresh(row).state, row.reason) == (state, reason)
    assert smtp.mailbox.raw == []


def test_a_scheduled_notification_surfaces_and_tells_open_pages(
    app: Flask, alice: User, courier: DeliveryWorker
) -> None:
    later = utc_now() + timedelta(hours=1)
    note = factories.notification(alice, status="pending", sent_at=None, surfaced_at=later)
    row = factories.delivery(note, "in_app", address="", due_at=later, reason="scheduled")
    version = alice.inbox_version
    courier.deliver_due()
    assert fresh(row).state == "pending"
    courier.deliver_due(later)
    db.session.refresh(alice)
    db.session.refresh(note)
    assert (fresh(row).state, note.status, alice.inbox_version) == ("sent", "sent", version + 1)


def test_every_end_is_in_the_audit_log_and_in_words(
    smtp: Server, alice: User, courier: DeliveryWorker
) -> None:
    smtp.mailbox.answers = ["554 5.6.0 spam"]
    rows = [pending_mail(alice) for _ in range(2)]
    courier.deliver_due()
    entries = db.session.scalars(select(AuditEntry).where(AuditEntry.action.startswith("delivery."))).all()
    assert [(entry.action, entry.subject) for entry in entries] == [
        ("delivery.failed", alice.email),
        ("delivery.sent", alice.email),
    ]
    said = [reasons.describe(fresh(row).state, row.reason, row.reason_data, time_zone="UTC") for row in rows]
    assert said == ["Rejected: 554 5.6.0 spam", "Sent"]


def test_a_claim_is_one_persons_at_a_time(any_app: Flask) -> None:
    alice = factories.user("alice@example.test")
    row = pending_mail(alice)
    now = utc_now()
    token, ids = outbox.claim("email", now, most=20, lease_until=now + outbox.LEASE, holder="one")
    assert ids == {row.id}
    assert outbox.claim("email", now, most=20, lease_until=now + outbox.LEASE, holder="two")[1] == set()
    done = SendResult(row.id, "sent", now, started_at=now)
    assert results.record_results("somebody else's", [done]) == 0
    assert fresh(row).state == "claimed"
    assert results.record_results(token, [done]) == 1
    assert results.record_results(token, [done]) == 0
    assert len(attempts(row)) == 1


def test_a_sweep_gives_back_only_what_has_lapsed(any_app: Flask) -> None:
    alice = factories.user("alice@example.test")
    row = pending_mail(alice)
    now = utc_now()
    outbox.claim("email", now, most=20, lease_until=now + outbox.LEASE, holder="one")
    assert outbox.sweep(now + timedelta(seconds=29)) == 0
    assert outbox.sweep(now + timedelta(seconds=31)) == 1
    assert (fresh(row).state, row.crashes, row.token) == ("pending", 1, None)


def test_a_row_that_kills_its_sender_ends_dead_and_takes_no_other_with_it(any_app: Flask) -> None:
    alice = factories.user("alice@example.test")
    poison, other = pending_mail(alice), pending_mail(alice)
    sizes = []
    for minute in range(6):
        now = utc_now() + timedelta(minutes=minute)
        for is_suspect in (False, True):
            token, ids = outbox.claim(
                "email",
                now,
                lease_until=now + outbox.LEASE,
                holder="x",
                most=1 if is_suspect else 20,
                is_suspect=is_suspect,
            )
            if poison.id not in ids:
                results.record_results(token, [SendResult(row, "sent", now, started_at=now) for row in ids])
            sizes.append(len(ids))
            # Where the poison is among them, the sender dies here and its claim lapses.
            outbox.sweep(now + timedelta(seconds=31))
    assert sizes[:6] == [2, 1, 0, 1, 0, 1], "suspects come alone, those that crashed less often first"
    assert (fresh(poison).state, poison.reason, poison.crashes) == ("dead", "crashed", 3)
    assert (fresh(other).state, other.crashes) == ("sent", 1)


def test_giving_back_costs_nothing(any_app: Flask) -> None:
    alice = factories.user("alice@example.test")
    row = pending_mail(alice)
    now = utc_now()
    token, _ids = outbox.claim("email", now, most=20, lease_until=now + outbox.LEASE, holder="one")
    outbox.give_back(token)
    assert (fresh(row).state, row.crashes, row.attempts, row.token) == ("pending", 0, 0, None)


def test_a_sender_paused_past_its_lease_knows_what_it_has_lost(any_app: Flask) -> None:
    alice = factories.user("alice@example.test")
    lost, kept = pending_mail(alice), pending_mail(alice)
    now = utc_now()
    token, ids = outbox.claim("email", now, most=20, lease_until=now, holder="one")
    claim = Claim(token, ids, now)
    db.session.execute(update(Delivery).where(Delivery.id == lost.id).values(token="another's"))
    db.session.commit()
    assert not claim.still_holds(lost.id)
    assert claim.still_holds(kept.id)
    assert fresh(kept).lease_until > utc_now() + timedelta(seconds=25)


def test_a_claim_outlives_a_server_slower_than_the_lease(
    app: Flask, smtp: Server, alice: User, courier: DeliveryWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "LEASE", timedelta(seconds=1))
    monkeypatch.setattr(lease, "HEARTBEAT_SECONDS", 0.2)
    smtp.mailbox.seconds = 2.5
    row = pending_mail(alice)

    def send() -> None:
        with app.app_context():
            courier.deliver_due()

    sender = threading.Thread(target=send)
    sender.start()
    swept = 0
    while sender.is_alive():
        swept += outbox.sweep()
        sender.join(0.1)
    assert swept == 0
    assert (fresh(row).state, len(smtp.mailbox.raw)) == ("sent", 1)


def test_the_sender_finds_its_work_in_an_index(app: Flask) -> None:
    compiled = outbox.FRESH.limit(20).compile(db.engine, compile_kwargs={"literal_binds": False})
    values = {"now": str(utc_now()), "way": "email"}
    with db.engine.connect() as connection:
        given = tuple(values.get(name, compiled.params[name]) for name in compiled.positiontup or [])
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", given).all()
    assert "ix_deliveries_due" in str(plan)
    assert "TEMP B-TREE" not in str(plan)


@pytest.mark.parametrize(
    ("stage", "code", "answer", "kind", "flag"),
    [
        ("data", 421, "4.7.0 slow down", "TemporaryFailure", "slow_down"),
        ("rcpt", 450, "4.2.0 greylisted", "TemporaryFailure", ""),
        ("data", 451, "local error", "TemporaryFailure", ""),
        ("mail", 452, "disk full", "TemporaryFailure", ""),
        ("mail", 530, "authentication required", "HostUnavailable", ""),
        ("mail", 550, "we do not know you", "TemporaryFailure", ""),
        ("rcpt", 550, "no such user", "PermanentFailure", "suppress"),
        ("rcpt", 550, "5.1.1 no such user", "PermanentFailure", "suppress"),
        ("data", 550, "5.1.1 no such user", "PermanentFailure", "suppress"),
        ("rcpt", 550, "5.7.1 policy", "PermanentFailure", ""),
        ("data", 550, "looks like spam", "PermanentFailure", ""),
        ("rcpt", 552, "5.2.2 full", "TemporaryFailure", ""),
        ("rcpt", 552, "full", "TemporaryFailure", ""),
        ("rcpt", 550, "5.2.2 full", "TemporaryFailure", ""),
        ("data", 552, "5.3.4 too big", "PermanentFailure", ""),
        ("rcpt", 553, "what address is that", "PermanentFailure", "suppress"),
        ("data", 554, "no", "PermanentFailure", ""),
        ("data", 220, "what?", "TemporaryFailure", ""),
        ("data", -1, "", "TemporaryFailure", ""),
    ],
)
def test_answers_mean_what_the_table_says(stage: str, code: int, answer: str, kind: str, flag: str) -> None:
    failure = smtp_replies.failure(stage, code, answer)
    assert type(failure).__name__ == kind
    assert [name for name in ("slow_down", "suppress") if getattr(failure, name, False)] == (
        [flag] if flag else []
    )


def test_mail_is_retried_for_four_days_with_growing_jittered_pauses() -> None:
    now = utc_now()
    pauses = []
    for tries in range(1, len(catalog.CHANNELS["email"].retry_seconds)):
        several = [(retry_schedule.next_attempt_at("email", tries, now) or now) - now for _ in range(40)]
        wanted = catalog.CHANNELS["email"].retry_seconds[tries]
        assert all(0.8 * wanted <= pause.total_seconds() <= 1.2 * wanted for pause in several)
        assert len(set(several)) > 1
        pauses.append(wanted)
    assert pauses[:7] == [60, 300, 900, 1800, 3600, 7200, 14400]
    assert timedelta(hours=95) < timedelta(seconds=sum(pauses)) <= timedelta(hours=97)
    assert retry_schedule.next_attempt_at("email", len(catalog.CHANNELS["email"].retry_seconds), now) is None
    assert retry_schedule.next_attempt_at("email", 1, now, retry_after=1000) == now + timedelta(seconds=1000)

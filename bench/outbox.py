"""Measures the outbox with a mail server on loopback, against prepared bytes and against django-post_office."""

from __future__ import annotations

import time
from statistics import median

from flask import current_app
from sqlalchemy import delete, func, select

from app.database.base import db
from app.models import Delivery, Notification
from app.services.events import publish as event_publish
from app.services.sending.email import SiteIdentity
from app.services.sending.worker import DeliveryWorker
from bench import peer
from bench.inprocess import event, prepare_app
from bench.rounds import Case, at_least
from bench.smtp import mail_server, send_pipelined, send_prepared

EMAILS = 500


def outbox() -> Case:
    """Emails per second from due to recorded, against prepared bytes on one connection."""
    resources, _app, _folder = prepare_app(EMAILS)
    port, worker = mail_server(), email_worker()
    pipelined: list[float] = []
    return Case(
        "outbox to SMTP / prepared bytes on one connection, emails per second",
        at_least(0.7),
        lambda: _send(worker),
        lambda: send_prepared(port, EMAILS),
        resources,
        beside=lambda: pipelined.append(send_pipelined(port, EMAILS)),
        notes=lambda: f"; prepared bytes with PIPELINING {median(pipelined):,.0f}",
    )


def outbox_and_peer() -> Case:
    """The same against django-post_office."""
    resources, _app, folder = prepare_app(EMAILS)
    port, worker, url = mail_server(), email_worker(), f"sqlite:///{folder / 'peer.db'}"
    return Case(
        "outbox to SMTP / django-post_office, emails per second",
        at_least(2.4),
        lambda: _send(worker),
        lambda: peer.work("emails", EMAILS, url, PEER_EMAIL_PORT=str(port)),
        resources,
    )


def email_worker() -> DeliveryWorker:
    """Create a worker of the current application that sends to the mail server of the run."""
    mail = current_app.extensions["mail"]
    mail.server, mail.port, mail.use_tls = "127.0.0.1", mail_server(), False
    return DeliveryWorker(SiteIdentity("http://bellhop.test", "Bellhop <bellhop@bellhop.test>", "bench"))


def _send(worker: DeliveryWorker) -> float:
    db.session.execute(delete(Notification))
    db.session.commit()
    event_publish.publish(event(None))
    started = time.perf_counter()
    worker.deliver_due()
    seconds = time.perf_counter() - started
    is_out = (Delivery.channel == "email") & (Delivery.state == "sent")
    sent = db.session.scalar(select(func.count()).select_from(Delivery).where(is_out))
    if sent != EMAILS:
        raise RuntimeError(f"{sent} of {EMAILS} emails were sent")
    return EMAILS / seconds

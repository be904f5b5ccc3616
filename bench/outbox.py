"""Measures the outbox with a mail server on loopback, against smtplib sending prepared bytes on one connection."""

from __future__ import annotations

import smtplib
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from email.message import EmailMessage
from email.policy import SMTP

from sqlalchemy import delete, func, select

from app.database.base import db
from app.models import Delivery, Notification
from app.services.events import publish as event_publish
from app.services.sending.email import SiteIdentity
from app.services.sending.worker import DeliveryWorker
from bench.inprocess import event, prepared
from bench.rounds import Case

MAILS = 500


SERVER = """
import sys
from aiosmtpd.controller import Controller

class Sink:
    async def handle_DATA(self, server, session, envelope):
        return "250 taken"

controller = Controller(Sink(), hostname="127.0.0.1", port=int(sys.argv[1]))
controller.start()
print("ready", flush=True)
sys.stdin.read()
controller.stop()
"""


def _mail_server(resources: ExitStack) -> int:
    """Start a mail server in another process, so that it does not slow down what is measured; returns its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-c", SERVER, str(port)]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    resources.callback(server.wait)
    resources.callback(server.terminate)
    assert server.stdout is not None
    server.stdout.readline()
    return port


def outbox() -> Case:
    """Emails per second from due to recorded, against prepared bytes."""
    resources, app, _ = prepared(MAILS)
    port = _mail_server(resources)
    app.extensions["mail"].server, app.extensions["mail"].port = "127.0.0.1", port
    app.extensions["mail"].use_tls = False
    worker = DeliveryWorker(SiteIdentity("http://bellhop.test", "Bellhop <bellhop@bellhop.test>", "bench"))

    def ours() -> float:
        db.session.execute(delete(Notification))
        db.session.commit()
        event_publish.publish(event(None))
        started = time.perf_counter()
        worker.deliver_due()
        seconds = time.perf_counter() - started
        is_out = (Delivery.channel == "email") & (Delivery.state == "sent")
        sent = db.session.scalar(select(func.count()).select_from(Delivery).where(is_out))
        if sent != MAILS:
            raise RuntimeError(f"{sent} of {MAILS} mails were sent")
        return MAILS / seconds

    def floor() -> float:
        message = EmailMessage()
        message["Subject"], message["From"], message["To"] = "News", "a@example.test", "b@example.test"
        message.set_content("Interview Scheduled for Priya Raman.\n" * 300)
        ready = message.as_bytes(policy=SMTP)
        started = time.perf_counter()
        with smtplib.SMTP("127.0.0.1", port) as client:
            for _ in range(MAILS):
                client.sendmail("a@example.test", ["b@example.test"], ready)
        return MAILS / (time.perf_counter() - started)

    return Case(
        "outbox to SMTP / smtplib with ready bytes on one connection, mails", 0.5, ours, floor, resources
    )

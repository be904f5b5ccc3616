"""The payload of each channel."""

from __future__ import annotations

import pytest
from standardwebhooks import Webhook as Verifier

from app.clock import utc_now
from app.rendering.key_facts import select_facts
from app.services.base import signed_webhooks
from tests.channels.test_push import Browser
from tests.support import factories
from tests.support.delivery import SITE, deliver_due, reload
from tests.support.endpoints import add_browser, add_webhook, user_with_all_channels
from tests.support.web import Reply, WebServer

# Markup, a line break, a direction override and isolate, zero-width characters, a bell.
NASTY = "<script>x</script>\r\nTo: b\u202egnp\u2066.exe\u200b\u200d\ufeff\x07 {{ 7 }}"


HIDDEN = set("\r\n\u202e\u2066\u200b\u200d\ufeff\x07")


def test_webhook_gets_the_signed_notification(channel_server: WebServer) -> None:
    alice = user_with_all_channels()
    mine = add_webhook(alice, channel_server.url + "/hook")
    note = factories.notification(alice, NASTY, message=NASTY, data={"who": NASTY})
    row = factories.delivery(note, "webhook", address=mine.address)
    deliver_due()
    assert (reload(row).state, reload(row).reason) == ("sent", "sent")
    call = channel_server.calls[0]
    (secret,) = signed_webhooks.signing_secrets(mine, SITE.secret, utc_now())
    data = Verifier(secret).verify(call.body, call.headers)
    assert data["type"] == "notification.created"
    assert data["data"]["id"] == note.id
    assert data["data"]["url"] == f"http://bellhop.test/notifications/{note.id}"
    # Escaped, so that no program on the way interprets it, and complete for the receiver.
    assert call.body.isascii()
    assert not HIDDEN & set(call.body.decode())
    assert data["data"]["title"] == NASTY
    assert call.headers["webhook-id"] == f"msg_{row.id}_{int(row.created_at.timestamp() * 1_000_000)}"


@pytest.mark.parametrize(
    ("priority", "urgency"), [("urgent", "high"), ("high", "high"), ("medium", "normal"), ("low", "low")]
)
def test_browser_gets_clean_text_and_a_link_to_the_notification(
    channel_server: WebServer, priority: str, urgency: str
) -> None:
    alice, keys = user_with_all_channels(), Browser()
    mine = add_browser(alice, channel_server.url + "/b", keys)
    note = factories.notification(alice, NASTY, message=NASTY * 99, priority=priority)
    row = factories.delivery(note, "push", address=mine.address)
    deliver_due()
    assert reload(row).state == "sent"
    call = channel_server.calls[0]
    data = keys.read(call.body)
    assert (data["url"], call.headers["urgency"]) == (f"/notifications/{note.id}", urgency)
    assert not HIDDEN & set(data["title"] + data["message"])
    assert data["title"].startswith("<script>x</script> To: b")
    assert len(call.body) < 4096


def test_a_push_message_says_the_facts(channel_server: WebServer) -> None:
    alice, keys = user_with_all_channels(), Browser()
    mine = add_browser(alice, channel_server.url + "/b", keys)
    facts = select_facts({"starts_at": "2020-11-30T14:00:00Z", "job_title": "Designer"})
    note = factories.notification(alice, message="Boilerplate.", facts=facts)
    factories.delivery(note, "push", address=mine.address)
    deliver_due()
    assert keys.read(channel_server.calls[0].body)["message"] == "Mon 30 Nov 2020 14:00 · Designer"


def test_sms_is_one_clean_segment_with_a_link(channel_server: WebServer) -> None:
    from urllib.parse import parse_qs

    from app.rendering import sms_segments

    alice = user_with_all_channels(phone="+442079460958")
    note = factories.notification(alice, NASTY)
    row = factories.delivery(note, "sms", address="+442079460958", text=f"{NASTY} “Zoë” " + "long " * 80)
    channel_server.usual = Reply(201, b'{"sid":"SM1","status":"queued"}')
    deliver_due()
    assert (reload(row).state, reload(row).log[0].response) == ("sent", "201 SM1 queued")
    text = parse_qs(channel_server.calls[0].body.decode())["Body"][0]
    assert sms_segments.sms_size(text).segments == 1
    assert sms_segments.sms_size(text).is_gsm7
    assert text.endswith(f" http://bellhop.test/n/{note.id}")
    assert not HIDDEN & set(text)

"""The worked example of docs/channels.md."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask_babel import lazy_gettext

from app import catalog
from app.channels import CONNECTORS, safe_http
from app.clock import utc_now
from app.models import UserNotificationPreference
from tests.services.sending.conftest import is_loopback
from tests.support import factories
from tests.support.delivery import deliver_due, reload
from tests.support.endpoints import user_with_all_channels
from tests.support.web import Reply, WebServer


def test_new_channel_is_a_module_and_a_row(
    channel_server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worked example of docs/channels.md, run as it stands there."""
    text = (Path(__file__).parents[3] / "docs" / "channels.md").read_text()
    source = text.partition("```python\n")[2].partition("```")[0]
    row = text.rpartition("```python\n")[2].partition("```")[0]
    example: dict[str, Any] = {"__name__": "chat"}
    exec(compile(source, "chat.py", "exec"), example)
    chat = eval(row.strip(), {"ChannelSpec": catalog.ChannelSpec, "_l": lazy_gettext})
    monkeypatch.setitem(catalog.CHANNELS, "chat", chat)
    monkeypatch.setattr(
        safe_http.post, "__kwdefaults__", safe_http.post.__kwdefaults__ | {"may_reach": is_loopback}
    )
    monkeypatch.setitem(CONNECTORS, "chat", example["connect"])
    monkeypatch.setattr(UserNotificationPreference, "chat_enabled", True, raising=False)
    note = factories.notification(user_with_all_channels(), "Booked", message="On Thursday.")
    row = factories.delivery(note, "chat", address=channel_server.url + "/room")
    channel_server.answers = [Reply(503)]
    now = utc_now() + timedelta(seconds=1)
    deliver_due(now)
    assert reload(row).state == "retry_wait"
    deliver_due(reload(row).due_at)
    assert reload(row).state == "sent"
    expected = f"Booked\nOn Thursday.\nhttp://bellhop.test/notifications/{note.id}"
    assert json.loads(channel_server.calls[-1].body) == {"text": expected}

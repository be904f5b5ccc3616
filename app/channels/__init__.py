"""The ways out. A new channel is a file beside this one and a row in this table."""

from __future__ import annotations

from collections.abc import Callable

from app.channels import email, push, sms, webhook
from app.channels.base import Channel

# In-app is not here: the row in the inbox is itself the message.
CHANNELS: dict[str, Callable[[], Channel]] = {
    "email": email.connect,
    "sms": sms.connect,
    "push": push.connect,
    "webhook": webhook.connect,
}

"""Any system that signs as Standard Webhooks 1.0 and sends Bellhop's own event types."""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from app.sources.calls import (
    CallInfo,
    Document,
    MappedCall,
    Person,
    SourceEvent,
    is_recent,
    is_signed,
    people,
    pick,
    text,
)

MAX_AGE_SECONDS = 300


def verify(headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime) -> bool:
    """Check `webhook-signature`: `v1,` and base64 over the id, the time and the body. One of several may match."""
    message_id, seconds = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not message_id or not re.fullmatch(r"[0-9]{1,12}", seconds):
        return False
    if not is_recent(int(seconds), now, MAX_AGE_SECONDS):
        return False
    expected = [_signature(each, message_id, seconds, body) for each in secrets]
    given = headers.get("webhook-signature", "").split(" ")
    return any(is_signed(each, expected) for each in given[:10])


def sign(body: bytes, secret: str, now: datetime, unique: str) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body of a signed call."""
    message_id, seconds = f"msg_{unique}", str(int(now.timestamp()))
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": seconds,
        "webhook-signature": _signature(secret, message_id, seconds, body),
    }
    return headers, body


def describe_call(headers: Mapping[str, str], document: Document) -> CallInfo:
    """Identify a call by its header `webhook-id`."""
    action = text(document, "type")
    return CallInfo(
        id=headers.get("webhook-id", ""),
        action=action,
        occurred_at=text(document, "timestamp") or text(document, "time"),
        is_ping=action in {"ping", "test"},
        subject=text(document, "data", "id"),
    )


def map_body(document: Document) -> MappedCall:
    """Take the event as it is; people in `recipients` and `hiring_team` are matched like those of other systems."""
    data = pick(document, "data")
    if not isinstance(data, Mapping):
        return MappedCall()
    has_recipients = "recipients" in data
    keys = pick(data, "recipients" if has_recipients else "hiring_team")
    named = [Person(key.strip()) for key in keys if isinstance(key, str)] if isinstance(keys, list) else []
    facts = {name: value for name, value in data.items() if name not in {"recipients", "hiring_team"}}
    event = SourceEvent(
        text(document, "type"), key="", data=facts, people=people(*named), has_recipients=has_recipients
    )
    return MappedCall([event])


def sample(email: str, now: datetime, _unique: str) -> dict[str, Any]:
    """Build the body of a test call: an alert."""
    data = {"title": "Test call", "message": "This source works.", "recipients": [email]}
    return {"type": "system.alert", "timestamp": now.isoformat(), "data": data}


def _signature(secret: str, message_id: str, seconds: str, body: bytes) -> str:
    message = f"{message_id}.{seconds}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(_key(secret), message, "sha256")).decode()


def _key(secret: str) -> bytes:
    """The key of a secret in base64, with or without its prefix; any other secret is the key itself."""
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:  # Also for letters outside ASCII.
        return secret.encode()

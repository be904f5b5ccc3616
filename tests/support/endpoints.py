"""People with webhooks, browsers and phones."""

from __future__ import annotations

from typing import Any

from app.database.base import db
from app.models import PushSubscription, Webhook
from tests.channels.test_push import Browser
from tests.support import factories


def user_with_all_channels(email: str = "alice@example.test", **fields: Any) -> Any:
    on = {"sms_enabled": True, "push_enabled": True, "webhook_enabled": True}
    return factories.user(email, preference=on, **fields)


def add_webhook(user: Any, url: str, **fields: Any) -> Webhook:
    made = Webhook(user_id=user.id, url=url, secret_salt="salt", rotation=1, failures=0, **fields)
    db.session.add(made)
    db.session.commit()
    return made


def add_browser(user: Any, url: str, keys: Browser) -> PushSubscription:
    made = PushSubscription(
        user_id=user.id, endpoint=url, p256dh=keys.p256dh, auth=keys.auth, label="Firefox"
    )
    db.session.add(made)
    db.session.commit()
    return made

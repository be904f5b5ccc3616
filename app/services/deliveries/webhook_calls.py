"""Lists the calls to webhooks and subscriptions with their results, and sends test calls to webhooks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from app.models import Delivery, User, Webhook
from app.services.accounts import direct_messages, webhooks
from app.services.base import paging
from app.services.base.errors import Conflict
from app.services.deliveries import delivery_log
from app.services.deliveries.delivery_log import DeliveryPage, DeliveryRow
from app.services.subscriptions import management

RECENT = 10


@dataclass(frozen=True)
class WebhookWithCalls:
    """A webhook and its newest calls."""

    hook: Webhook
    calls: list[DeliveryRow]

    @property
    def is_busy(self) -> bool:
        """Whether a test call is waiting or being sent."""
        return any(
            call.delivery.kind == "test" and call.delivery.state in {"pending", "claimed"}
            for call in self.calls
        )


def for_user(user: User) -> list[WebhookWithCalls]:
    """List a person's webhooks, oldest first, each with its recent calls."""
    return [WebhookWithCalls(hook, _page(hook, user, limit=RECENT).lines) for hook in webhooks.for_user(user)]


def for_subscriptions(reader: User) -> list[WebhookWithCalls]:
    """List every subscription, oldest first, each with its recent calls."""
    return [
        WebhookWithCalls(hook, _page(hook, reader, limit=RECENT).lines)
        for hook in management.all_subscriptions()
    ]


def page_for(
    user: User, webhook_id: int, *, before: int | None = None, after: int | None = None, limit: int = 50
) -> DeliveryPage:
    """Load one page of the calls to a webhook; see `paging.newest_first`. Raises NotFound for another's."""
    return _page(webhooks.get(user, webhook_id), user, before=before, after=after, limit=limit)


def page_for_subscription(
    subscription_id: int,
    reader: User,
    *,
    before: int | None = None,
    after: int | None = None,
    limit: int = 50,
) -> DeliveryPage:
    """Load one page of the calls to a subscription; see `paging.newest_first`. Raises NotFound."""
    return _page(management.get(subscription_id), reader, before=before, after=after, limit=limit)


def send_test(user: User, webhook_id: int, *, now: datetime | None = None) -> DeliveryRow:
    """Queue a test call.

    Raises:
        NotFound: for another's.
        Conflict: it is disabled.
        LimitReached: the user sent many within a few minutes.
    """
    hook = webhooks.get(user, webhook_id)
    if hook.disabled_at is not None:
        raise Conflict(_("This webhook is off. Turn it on before you test it."))
    row = direct_messages.queue_test(user, "webhook", hook.address, now=now)
    return delivery_log.delivery_row(row, user)


def _page(
    hook: Webhook, reader: User, *, limit: int, before: int | None = None, after: int | None = None
) -> DeliveryPage:
    # The recipient comes first, to use the index.
    query = select(Delivery).where(
        Delivery.recipient_id.is_not_distinct_from(hook.user_id),
        Delivery.channel == "webhook",
        Delivery.address == hook.address,
        # SQLite reuses the id of a deleted webhook.
        Delivery.created_at >= hook.created_at,
    )
    loaded = query.options(selectinload(Delivery.log), joinedload(Delivery.notification))
    fresh = loaded.execution_options(populate_existing=True)
    rows, older, newer = paging.newest_first(fresh, Delivery.id, before=before, after=after, limit=limit)
    return DeliveryPage([delivery_log.delivery_row(row, reader) for row in rows], older, newer)

"""Lists the calls to a person's webhooks and their results, and sends test calls."""

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
from app.services.deliveries import log
from app.services.deliveries.log import DeliveryPage, DeliveryRow

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
            call.row.kind == "test" and call.row.state in {"pending", "claimed"} for call in self.calls
        )


def for_user(user: User) -> list[WebhookWithCalls]:
    """A person's webhooks, oldest first, each with its recent calls."""
    return [WebhookWithCalls(hook, _page(hook, user, limit=RECENT).lines) for hook in webhooks.for_user(user)]


def page_for(
    user: User, webhook_id: int, *, before: int | None = None, after: int | None = None, limit: int = 50
) -> DeliveryPage:
    """The calls to one webhook; see `paging.newest_first`. Raises NotFound for another's."""
    return _page(webhooks.get(user, webhook_id), user, before=before, after=after, limit=limit)


def send_test(user: User, webhook_id: int, *, now: datetime | None = None) -> DeliveryRow:
    """Queue a test call.

    Raises:
        NotFound: for another's.
        Conflict: it is switched off.
        LimitReached: the user sent many within a few minutes.
    """
    hook = webhooks.get(user, webhook_id)
    if hook.disabled_at is not None:
        raise Conflict(_("This webhook is switched off. Switch it on before you test it."))
    row = direct_messages.queue_test(user, "webhook", hook.address, now=now)
    return log.delivery_row(row, user)


def _page(
    hook: Webhook, user: User, *, limit: int, before: int | None = None, after: int | None = None
) -> DeliveryPage:
    # The recipient comes first, to use the index.
    query = select(Delivery).where(
        Delivery.recipient_id == hook.user_id,
        Delivery.channel == "webhook",
        Delivery.address == hook.address,
        # SQLite reuses the id of a deleted webhook.
        Delivery.created_at >= hook.created_at,
    )
    loaded = query.options(selectinload(Delivery.log), joinedload(Delivery.notification))
    fresh = loaded.execution_options(populate_existing=True)
    rows, older, newer = paging.newest_first(fresh, Delivery.id, before=before, after=after, limit=limit)
    return DeliveryPage([log.delivery_row(row, user) for row in rows], older, newer)

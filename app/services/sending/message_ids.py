"""Ids of messages, except emails, with which a receiver can recognise a second copy."""

from __future__ import annotations

from app.models import Delivery


def message_id(delivery: Delivery) -> str:
    """Return the id of a delivery's message, the same for every attempt."""
    return f"msg_{delivery.id}_{int(delivery.created_at.timestamp() * 1_000_000)}"

"""One module per channel, named after its row in the catalog. Each has a `connect` that opens the channel."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from app import catalog
from app.channels.base import Channel

CONNECTORS: dict[str, Callable[[], Channel]] = {
    channel.name: import_module(f"app.channels.{channel.name}").connect
    for channel in catalog.CHANNELS.values()
    if channel.is_outgoing
}

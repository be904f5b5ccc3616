"""What goes into a channel and how it may fail. A channel knows nothing of the database."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Attachment:
    """A file in a mail; `content_type` carries its parameters (`text/calendar; method=REQUEST`)."""

    filename: str
    content_type: str
    body: bytes


@dataclass(frozen=True)
class Message:
    """A finished message. `id` derives from the delivery: a second copy of it can be recognised.

    `keys` is what it is sealed with: the secrets of a webhook, or the two keys of a browser.
    """

    id: str
    address: str
    subject: str
    text: str
    html: str = ""
    name: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()
    keys: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Receipt:
    """What the other side answered; `kept` is the whole message where it was kept here instead of sent."""

    response: str
    kept: bytes | None = None


class Channel(Protocol):
    """One way out, open for as long as there is work."""

    def send(self, message: Message) -> Receipt:
        """Hand a message over.

        Raises:
            DeliveryError: one of the kinds below.
        """

    def close(self) -> None:
        """Let go of the connection; the next `send` makes a new one."""


class DeliveryError(Exception):
    """A message did not go out; `str(error)` is what the other side said."""


class TemporaryFailure(DeliveryError):
    """Worth another try.

    Args:
        retry_after: seconds that the other side asked us to wait, if it did.
        slow_down: the whole host asked for rest (SMTP 421, HTTP 429), not this message alone.
    """

    def __init__(self, text: str, *, retry_after: float | None = None, slow_down: bool = False) -> None:
        super().__init__(text)
        self.retry_after = retry_after
        self.slow_down = slow_down


class PermanentFailure(DeliveryError):
    """Never worth another try.

    Args:
        suppress: the address itself is dead and must not be used again.
    """

    def __init__(self, text: str, *, suppress: bool = False) -> None:
        super().__init__(text)
        self.suppress = suppress


class UncertainOutcome(DeliveryError):
    """The message was handed over whole, but the answer never came: it may or may not have arrived."""


class HostUnavailable(DeliveryError):
    """The other side cannot be reached or will not talk to us: this says nothing about the message."""

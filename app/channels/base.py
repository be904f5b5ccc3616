"""The interface of a channel: its messages, receipts and failures. Channels do not use the database."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Attachment:
    """A file in an email. `content_type` includes parameters (`text/calendar; method=REQUEST`)."""

    filename: str
    content_type: str
    body: bytes


@dataclass(frozen=True)
class Card:
    """A message for a chat, as plain text; the channel gives it the chat's own look.

    Args:
        facts: pairs of a label and a value.
        button: the label and the URL of what to do; None if there is nothing.
        links: further labels and URLs.
        reason: why it was sent.
    """

    title: str
    text: str
    facts: tuple[tuple[str, str], ...] = ()
    button: tuple[str, str] | None = None
    links: tuple[tuple[str, str], ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Message:
    """A finished message.

    Args:
        id: derived from the delivery, so a second copy can be recognised.
        keys: the secrets that sign it for a webhook, or the two keys that encrypt it for a browser.
        card: its content, for a chat.
        replaces: the `remote_id` of an earlier message that this one takes the place of; "" for none.
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
    card: Card | None = None
    replaces: str = ""


@dataclass(frozen=True)
class Receipt:
    """The other side's response, or the captured message if it was not sent.

    `remote_id` is the other side's name for the message, with which it can be replaced.
    """

    response: str
    captured: bytes | None = None
    remote_id: str = ""


class Channel(Protocol):
    """An open channel. It is closed when there is no more work."""

    def send(self, message: Message) -> Receipt:
        """Send a message.

        Raises:
            DeliveryError: one of the subclasses below.
        """

    def close(self) -> None:
        """Close the connection. The next `send` opens a new one."""


class DeliveryError(Exception):
    """A message was not sent. `str(error)` is the other side's response."""


class TemporaryFailure(DeliveryError):
    """The message may be sent later.

    Args:
        retry_after: how many seconds the other side asked to wait; None if it did not say.
        slow_down: the host refuses all messages for now (SMTP 421, HTTP 429), not just this one.
        is_our_fault: our settings are to blame, not the recipient: an admin can fix it, so the message is never
            given up before it expires.
    """

    def __init__(
        self,
        text: str,
        *,
        retry_after: float | None = None,
        slow_down: bool = False,
        is_our_fault: bool = False,
    ) -> None:
        super().__init__(text)
        self.retry_after = retry_after
        self.slow_down = slow_down
        self.is_our_fault = is_our_fault


class PermanentFailure(DeliveryError):
    """The message can never be sent.

    Args:
        suppress: the address is invalid and must not be used again.
        is_our_fault: our settings are to blame, and the message loses its value before an admin can fix them.
    """

    def __init__(self, text: str, *, suppress: bool = False, is_our_fault: bool = False) -> None:
        super().__init__(text)
        self.suppress = suppress
        self.is_our_fault = is_our_fault


class UncertainOutcome(DeliveryError):
    """The message was sent but not acknowledged: it may or may not have arrived."""


class HostUnavailable(DeliveryError):
    """The other side cannot be reached or rejects our settings. This says nothing about the message.

    Args:
        is_our_fault: our settings are to blame: the sign-in, the sender address, the encryption, the host's name.
    """

    def __init__(self, text: str, *, is_our_fault: bool = False) -> None:
        super().__init__(text)
        self.is_our_fault = is_our_fault

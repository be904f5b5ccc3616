"""Channels that capture messages instead of sending them, for installations without a server for them.

Captured messages are shown under Admin → Deliveries.
"""

from __future__ import annotations

from app.channels import mime
from app.channels.base import HostUnavailable, Message, Receipt


class CaptureEmail:
    """Returns the email in the receipt."""

    def __init__(self, sender: str) -> None:
        self.sender = sender

    def send(self, message: Message) -> Receipt:
        """Build the email.

        Raises:
            HostUnavailable: the sender cannot be used in an email.
            PermanentFailure: the address cannot be used in an email.
        """
        try:
            mime.split_sender(self.sender)
        except ValueError as error:
            raise HostUnavailable(
                f"DEFAULT_FROM_EMAIL is {self.sender!r}: {error}", is_our_fault=True
            ) from error
        return Receipt("", captured=mime.build(message, self.sender))

    def close(self) -> None:
        """There is no connection."""


class CaptureSms:
    """Returns the text in the receipt, in the format of an email."""

    def send(self, message: Message) -> Receipt:
        """Build the text."""
        text = f"To: {message.address}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{message.text}"
        return Receipt("", captured=text.encode())

    def close(self) -> None:
        """There is no connection."""

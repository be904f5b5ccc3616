"""Where no mail server is configured: the mail is kept, to be read under Admin, Deliveries."""

from __future__ import annotations

from app.channels import mime
from app.channels.base import Message, Receipt


class CaptureChannel:
    """Hands the mail back instead of on; whoever asked for it to be sent keeps it."""

    def __init__(self, sender: str) -> None:
        self.sender = sender

    def send(self, message: Message) -> Receipt:
        """Build the mail and give it back.

        Raises:
            PermanentFailure: the address cannot be written in a mail.
        """
        return Receipt("", kept=mime.build(message, self.sender))

    def close(self) -> None:
        """Nothing is open."""

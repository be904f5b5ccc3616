"""The mail of a delivery, taken apart to be read by an admin."""

from __future__ import annotations

import email
from collections.abc import Sequence
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage

from flask_babel import gettext as _

from app.models import Delivery
from app.services.sending import email as sending_email
from app.services.sending.email import SiteIdentity


@dataclass(frozen=True)
class SentMessage:
    """A mail taken apart to be read; `was_kept` where it was kept here instead of sent."""

    headers: list[tuple[str, str]] = field(default_factory=list)
    text: str = ""
    html: str = ""
    files: list[tuple[str, str, str]] = field(default_factory=list)
    was_kept: bool = True


def load_sent_message(row: Delivery, sender: SiteIdentity) -> SentMessage | None:
    """The mail of a delivery, to be read: as it was kept, or put together again from the same stored words.

    None for other channels, and for account mails that left: their links are personal and not to be made again.
    """
    if row.captured is not None:
        return _taken_apart(email.message_from_bytes(row.captured.raw, policy=policy.default))
    if row.channel != "email" or row.notification is None:
        return None
    message = sending_email.compose_email(row, sender, row.sent_at or row.due_at)
    return SentMessage(
        headers=[("Subject", message.subject), ("Message-ID", message.id), *message.headers.items()],
        text=message.text,
        html=message.html,
        files=[
            (file.filename, file.content_type, file.body.decode("utf-8", "replace"))
            for file in message.attachments
        ],
        was_kept=False,
    )


def _taken_apart(mail: EmailMessage) -> SentMessage:
    return SentMessage(
        headers=[(name, str(value)) for name, value in mail.items()],
        text=_body(mail, "plain"),
        html=_body(mail, "html"),
        files=[_file(part) for part in mail.iter_attachments()],
    )


def _body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    return str(part.get_content()) if part is not None else ""


def _file(part: EmailMessage) -> tuple[str, str, str]:
    content: Sequence[int] | str = part.get_content()
    shown = content if isinstance(content, str) else bytes(content).decode("utf-8", "replace")
    return part.get_filename() or _("no name"), part.get_content_type(), shown

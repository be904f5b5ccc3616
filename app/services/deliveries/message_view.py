"""The email of a delivery, in parts, for admins to read."""

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
    """The parts of an email. `was_kept`: this is the captured email; False if it was rebuilt from stored content."""

    headers: list[tuple[str, str]] = field(default_factory=list)
    text: str = ""
    html: str = ""
    files: list[tuple[str, str, str]] = field(default_factory=list)
    was_kept: bool = True


def load_sent_message(row: Delivery, sender: SiteIdentity) -> SentMessage | None:
    """Return the email of a delivery: as it was captured, or rebuilt from its stored content.

    None for other channels, and for account emails that were sent, whose personal links must not be shown again.
    """
    if row.captured is not None:
        return _parse(email.message_from_bytes(row.captured.raw, policy=policy.default))
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


def _parse(mail: EmailMessage) -> SentMessage:
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

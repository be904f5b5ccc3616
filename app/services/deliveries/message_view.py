"""The email of a delivery, in parts, for admins to read."""

from __future__ import annotations

import email
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from email import policy
from email.message import EmailMessage

from flask_babel import gettext as _

from app.database.base import db
from app.models import Delivery, User
from app.services.accounts import emails as account_emails
from app.services.base import audit
from app.services.base.errors import NotFound
from app.services.deliveries import log
from app.services.sending import email as sending_email
from app.services.sending.email import SiteIdentity

_LINK = re.compile(r"https?://[^\s\"<>]+/password/reset/[\w.-]+")
_HIDDEN = "\N{HORIZONTAL ELLIPSIS}"


@dataclass(frozen=True)
class SentMessage:
    """The parts of an email. `was_kept`: this is the captured email; False if it was rebuilt from stored content."""

    headers: list[tuple[str, str]] = field(default_factory=list)
    text: str = ""
    html: str = ""
    files: list[tuple[str, str, str]] = field(default_factory=list)
    was_kept: bool = True
    has_hidden_link: bool = False


def load_sent_message(row: Delivery, sender: SiteIdentity) -> SentMessage | None:
    """Return the email of a delivery: as it was captured, or rebuilt from its stored content.

    None for other channels, and for account emails that were sent, whose personal links must not be shown again.
    """
    if row.captured is not None:
        captured = _parse(email.message_from_bytes(row.captured.raw, policy=policy.default))
        return _hide_link(captured) if row.kind in account_emails.LIFETIMES else captured
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


def reveal_link(delivery_id: int, actor: User) -> str:
    """Return the link for choosing a password in a captured email, and record that in the audit log.

    Raises:
        NotFound: there is no such email.
    """
    row = log.get(delivery_id)
    link = None
    if row.captured is not None and row.kind in account_emails.LIFETIMES:
        link = _LINK.search(_parse(email.message_from_bytes(row.captured.raw, policy=policy.default)).text)
    if link is None:
        raise NotFound(_("This message has no link."))
    audit.record("delivery.link_revealed", row.recipient.email, actor=actor, delivery=row.id, kind=row.kind)
    db.session.commit()
    return link[0]


def _hide_link(message: SentMessage) -> SentMessage:
    """Leave out the link for choosing a password: anyone who has it can sign in as the recipient."""
    return replace(
        message,
        text=_LINK.sub(_HIDDEN, message.text),
        html=_LINK.sub(_HIDDEN, message.html),
        has_hidden_link=True,
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

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
from app.services.deliveries import delivery_log
from app.services.sending import email as sending_email
from app.services.sending.email import SiteIdentity

_LINK = re.compile(r"https?://[^\s\"<>]+/password/reset/[\w.-]+")
# Links that act for the recipient without a sign-in.
_TOKEN = re.compile(r"(/(?:unsubscribe|digests|mute)/)[\w.-]+")
# What admins see of a captured message only when they ask for it, by the kind of its delivery.
_SECRETS = {
    **dict.fromkeys(account_emails.LIFETIMES, _LINK),
    "phone_code": re.compile(r"\b\d{6}\b"),
}
_HIDDEN = "\N{HORIZONTAL ELLIPSIS}"


@dataclass(frozen=True)
class SentMessage:
    """The parts of an email. `is_captured`: this is the captured email; False if it was rebuilt from stored content."""

    headers: list[tuple[str, str]] = field(default_factory=list)
    text: str = ""
    html: str = ""
    files: list[tuple[str, str, str]] = field(default_factory=list)
    is_captured: bool = True
    has_hidden_secret: bool = False


def load_sent_message(row: Delivery, site: SiteIdentity) -> SentMessage | None:
    """Return the email of a delivery: as it was captured, or rebuilt from its stored content.

    None for other channels, and for account emails that were sent, whose personal links must not be shown again.
    """
    if row.captured is not None:
        captured = _hide_tokens(_parse(email.message_from_bytes(row.captured.raw, policy=policy.default)))
        return _hide(captured, _SECRETS[row.kind]) if row.kind in _SECRETS else captured
    if row.channel != "email" or row.notification is None:
        return None
    message = sending_email.compose_email(row, site, row.sent_at or row.due_at)
    rebuilt = SentMessage(
        headers=[("Subject", message.subject), ("Message-ID", message.id), *message.headers.items()],
        text=message.text,
        html=message.html,
        files=[
            (file.filename, file.content_type, file.body.decode("utf-8", "replace"))
            for file in message.attachments
        ],
        is_captured=False,
    )
    return _hide_tokens(rebuilt)


def reveal_secret(delivery_id: int, actor: User) -> str:
    """Return the link for choosing a password, or the code for a phone, in a captured message.

    The audit log records it.

    Raises:
        NotFound: the message does not exist.
    """
    row = delivery_log.get(delivery_id)
    found = None
    if row.captured is not None and row.kind in _SECRETS:
        text = _parse(email.message_from_bytes(row.captured.raw, policy=policy.default)).text
        found = _SECRETS[row.kind].search(text)
    if found is None:
        raise NotFound(_("This message has no link and no code."))
    action = "delivery.code_revealed" if row.kind == "phone_code" else "delivery.link_revealed"
    audit.record(action, row.recipient.email, actor=actor, delivery=row.id, kind=row.kind)
    db.session.commit()
    return found[0]


def _hide(message: SentMessage, secret: re.Pattern[str]) -> SentMessage:
    """Leave out what only the recipient may have: with a link for choosing a password, anyone can sign in as them."""
    return replace(
        message,
        text=secret.sub(_HIDDEN, message.text),
        html=secret.sub(_HIDDEN, message.html),
        has_hidden_secret=True,
    )


def _hide_tokens(message: SentMessage) -> SentMessage:
    shown = rf"\1{_HIDDEN}"
    return replace(
        message,
        headers=[(name, _TOKEN.sub(shown, value)) for name, value in message.headers],
        text=_TOKEN.sub(shown, message.text),
        html=_TOKEN.sub(shown, message.html),
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

"""Builds the bytes of an email (RFC 5322, 2045, 2047).

Written by hand, because `email.message` takes longer than handing the email to the server (see docs/decisions.md).
"""

from __future__ import annotations

import binascii
import functools
import re
from base64 import b64encode
from email.header import Header
from email.utils import format_datetime, parseaddr, quote

import config
from app import canonical_addresses
from app.channels.base import Attachment, Message, PermanentFailure
from app.clock import utc_now

# Characters that could end a header line.
CONTROL = re.compile("[\\x00-\\x1f\\x7f\\x85\\u2028\\u2029]+")
ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
ADDRESS = re.compile(r"[^\x00-\x20\x7f-\xa0<>]+@[!-;=?A-~]+")
# "=_" cannot occur in quoted-printable or base64, so no body can contain a boundary.
MIXED, ALTERNATIVE = "=_mixed", "=_alternative"


def build(message: Message, sender: str) -> bytes:
    """Build an email with CRLF line ends.

    Args:
        sender: the From address, with or without a name.
    Raises:
        PermanentFailure: the address cannot be used in an email.
    """
    headers = {
        "From": _from(sender),
        "To": mailbox("To", message.name, message.address),
        "Subject": encode_text("Subject", message.subject),
        "Date": _date(utc_now().replace(microsecond=0)),
        "Message-ID": message.id,
        **{name: CONTROL.sub(" ", value) for name, value in message.headers.items()},
        "MIME-Version": "1.0",
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    # ASCII but for an address that needs SMTPUTF8 (RFC 6532).
    return head.encode() + _body(message)


# Formatting takes as long as all other headers together, and thousands of emails share a second.
_date = functools.lru_cache(maxsize=1)(format_datetime)


@functools.cache
def _from(sender: str) -> str:
    return mailbox("From", *split_sender(sender))


# Asked for with each email, and `parseaddr` takes 25 µs.
@functools.cache
def split_sender(text: str) -> tuple[str, str]:
    """Split the sender into its name and its address.

    Raises:
        ValueError: there is no address in it.
    """
    return parseaddr(config.parse_sender(text))


# Asked for three times per email.
@functools.lru_cache(maxsize=1024)
def address(text: str) -> str:
    """Return an address with an international domain in its `xn--` form.

    The part before the @ may be outside ASCII, which takes a server with SMTPUTF8 (RFC 6531).

    Raises:
        PermanentFailure: it is not an address.
    """
    local, _, domain = text.rpartition("@")
    try:
        plain = f"{local}@{canonical_addresses.host(domain)}" if not domain.isascii() else text
    except ValueError:
        plain = ""
    if not ADDRESS.fullmatch(plain) or not plain.isprintable():
        raise PermanentFailure(f"{text!r} is not an email address")
    return plain


def mailbox(header: str, name: str, address_text: str) -> str:
    """Return `Name <address>`, with the name quoted or encoded if necessary."""
    plain, name = address(address_text), CONTROL.sub(" ", name).strip()
    if not name:
        return plain
    if ATOM.fullmatch(name) and "=?" not in name and len(name) < 60:
        return f"{name} <{plain}>"
    if name.isascii() and "=?" not in name and len(name) < 60:
        return f'"{quote(name)}" <{plain}>'
    return f"{encode_text(header, name, encode=True)} <{plain}>"


def encode_text(header: str, text: str, *, encode: bool = False) -> str:
    """Return free text for a header, encoded and folded (RFC 2047) unless it is safe as it is."""
    text = CONTROL.sub(" ", text).strip()
    if not encode and text.isascii() and "=?" not in text and len(header) + len(text) < 76:
        return text
    valid = text.encode("utf-8", "replace").decode("utf-8")
    return Header(valid, "utf-8", header_name=header).encode(linesep="\r\n")


def _body(message: Message) -> bytes:
    parts = [_text("text/plain; charset=utf-8", message.text)]
    if message.html:
        parts.append(_text("text/html; charset=utf-8", message.html))
    # Mail programs look for an invitation among the alternatives, people among the attachments.
    parts += [
        _file(file, "inline") for file in message.attachments if file.content_type.startswith("text/calendar")
    ]
    body = parts[0] if len(parts) == 1 else _multipart("alternative", ALTERNATIVE, parts)
    if not message.attachments:
        return body
    return _multipart("mixed", MIXED, [body, *(_file(file, "attachment") for file in message.attachments)])


def _multipart(kind: str, boundary: str, parts: list[bytes]) -> bytes:
    line = f"--{boundary}".encode()
    head = f'Content-Type: multipart/{kind}; boundary="{boundary}"\r\n\r\n'.encode()
    return head + b"".join(line + b"\r\n" + part for part in parts) + line + b"--\r\n"


def _text(content_type: str, text: str) -> bytes:
    if "\r" in text:  # Asked first, because most texts have none and looking for two characters takes long.
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    head = f"Content-Type: {content_type}\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    return head.encode() + b"".join(map(_encode_line, text.split("\n"))) + b"\r\n"


# Most lines are those of the layout, which are the same in every email. Encoding is the longest step of building one.
@functools.lru_cache(maxsize=4096)
def _encode_line(line: str) -> bytes:
    # The encoder copies the line end that it finds, so there must be one.
    return binascii.b2a_qp(f"{line}\r\n".encode("utf-8", "replace"))


def _file(attachment: Attachment, disposition: str) -> bytes:
    kind = attachment.content_type
    if disposition == "attachment" and kind.startswith("text/calendar"):
        # Another type, so that mail programs do not see a second invitation.
        kind = "application/ics"
    head = f"Content-Type: {kind}\r\nContent-Transfer-Encoding: base64\r\n"
    if disposition == "attachment":
        head += f'Content-Disposition: attachment; filename="{attachment.filename}"\r\n'
    encoded = b64encode(attachment.body)
    lines = (encoded[start : start + 76] for start in range(0, len(encoded), 76))
    return head.encode() + b"\r\n" + b"\r\n".join(lines) + b"\r\n"

from __future__ import annotations

import email
from email import policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr, parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.channels import mime
from app.channels.base import Attachment, Message, PermanentFailure

SENDER = "Bellhop <bellhop@example.test>"
INVITATION = Attachment("invite.ics", "text/calendar; charset=utf-8; method=REQUEST", b"BEGIN:VCALENDAR\r\n")


def message(**fields: object) -> Message:
    values = {
        "id": "<d1.5@bellhop.test>",
        "address": "alice@example.test",
        "subject": "Hello",
        "text": "Hi\n",
    }
    return Message(**(values | fields))  # type: ignore[arg-type]


def parsed(**fields: object) -> EmailMessage:
    return email.message_from_bytes(mime.build(message(**fields), SENDER), policy=policy.default)


def body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_a_message_has_its_headers_and_both_parts() -> None:
    mail = parsed(name="Alice Moreau", html="<p>Hi</p>", headers={"List-Id": "<a.b>"})
    assert (mail["From"], mail["To"], mail["Subject"]) == (
        SENDER,
        "Alice Moreau <alice@example.test>",
        "Hello",
    )
    assert (mail["Message-ID"], mail["List-Id"]) == ("<d1.5@bellhop.test>", "<a.b>")
    assert parsedate_to_datetime(mail["Date"]).tzinfo is not None
    assert mail.get_content_type() == "multipart/alternative"
    assert (body(mail, "plain").strip(), body(mail, "html").strip()) == ("Hi", "<p>Hi</p>")
    assert mail.defects == []


def test_an_invitation_is_an_alternative_and_an_attachment() -> None:
    mail = parsed(html="<p>Hi</p>", attachments=(INVITATION,))
    assert [part.get_content_type() for part in mail.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "text/calendar",
        "application/ics",
    ]
    inline, file = list(mail.walk())[-2:]
    assert inline["Content-Type"].params == {"charset": "utf-8", "method": "REQUEST"}
    assert inline.get_payload(decode=True) == file.get_payload(decode=True) == INVITATION.body
    assert file.get_filename() == "invite.ics"


@pytest.mark.parametrize(
    "name", ["Łukasz Ångström", 'Alice "Al" O\'Neill, PhD', "=?utf-8?q?fake?=", "名前" * 40, "a" * 200, ""]
)
def test_names_with_unusual_characters_are_preserved(name: str) -> None:
    # Not through policy.default, whose parser puts spaces between encoded words (RFC 2047, 6.2).
    header = email.message_from_bytes(mime.build(message(name=name), SENDER))["To"]
    shown, address = parseaddr(header)
    assert (str(make_header(decode_header(shown))), address) == (name, "alice@example.test")


@pytest.mark.parametrize("field", ["name", "subject"])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\x85", "\u2028", "\0"])
def test_texts_cannot_inject_headers(field: str, end: str) -> None:
    mail = parsed(**{field: f"Hello{end}Bcc: charlie@example.test"})
    assert mail["Bcc"] is None
    assert body(mail, "plain").strip() == "Hi"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "alice",
        "alice@",
        "@example.test",
        "a b@example.test",
        "a@example.test\r\nRCPT TO:<b@x>",
        "a@b>,<c@d",
    ],
)
def test_an_invalid_address_is_a_permanent_failure(address: str) -> None:
    with pytest.raises(PermanentFailure):
        mime.build(message(address=address), SENDER)


def test_an_international_domain_is_written_in_ascii() -> None:
    assert mime.address("alice@bücher.example") == "alice@xn--bcher-kva.example"


@given(st.text(), st.text(), st.text(max_size=300))
def test_any_text_arrives_unchanged(text: str, html: str, subject: str) -> None:
    raw = mime.build(message(text=text, html=html or "<p></p>", subject=subject), SENDER)
    assert raw.isascii()
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert max(len(line) for line in raw.split(b"\r\n")) < 998, "RFC 5322, 2.1.1"
    mail = email.message_from_bytes(raw, policy=policy.default)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace").decode()
    part = mail.get_body(("plain",))
    assert part is not None
    sent = part.get_payload(decode=True)
    assert isinstance(sent, bytes)
    assert sent.decode().replace("\r\n", "\n") == f"{lines}\n"

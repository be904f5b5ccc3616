"""Real-world mail servers: ports, authentication, certificates, old and unusual servers."""

from __future__ import annotations

import base64
import hmac
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import MISSING, SMTP, AuthResult, Envelope, LoginPassword, Session
from flask import Flask

from app.channels import email, smtp_connection
from app.channels.base import HostUnavailable, Message, PermanentFailure, TemporaryFailure, UncertainOutcome
from app.channels.email import SmtpChannel
from app.channels.smtp_connection import MailServer
from tests.support.certificates import server_context
from tests.support.smtp import Mailbox, Script, Server, point_at

# aiosmtpd leaves the connections of its TLS sessions to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
USER, PASSWORD = "büro@example.test", "Schlüssel-密码"
SENDER = "Bellhop <bellhop@example.test>"


class SigningIn(Mailbox):
    """A mailbox that requires authentication; records which mechanism was used."""

    def __init__(self, password: str = PASSWORD) -> None:
        super().__init__()
        self.password = password
        self.used: list[str] = []

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        self.used.append(mechanism)
        is_right = data == LoginPassword(USER.encode(), self.password.encode())
        return AuthResult(success=is_right, handled=is_right)

    async def auth_CRAM__MD5(self, server: SMTP, arguments: list[str]) -> Any:  # noqa: N802 (aiosmtpd's name)
        self.used.append("CRAM-MD5")
        challenge = b"<1896.697170952@example.test>"
        answer = await server.challenge_auth(challenge)
        if answer is MISSING:
            return AuthResult(success=False)
        user, _, digest = answer.decode().rpartition(" ")
        wanted = hmac.new(self.password.encode(), challenge, "md5").hexdigest()
        return AuthResult(success=(user, digest) == (USER, wanted), handled=False)

    async def auth_XOAUTH2(self, server: SMTP, arguments: list[str]) -> Any:  # noqa: N802 (aiosmtpd's name)
        self.used.append("XOAUTH2")
        wanted = f"user={USER}\x01auth=Bearer {self.password}\x01\x01"
        if base64.b64decode(arguments[1]).decode() == wanted:
            return AuthResult(success=True)
        await server.challenge_auth(b'{"status":"401"}')
        return AuthResult(success=False, handled=False)


ALL = {"PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2"}


@pytest.fixture
def start() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start_server(mailbox: Mailbox | None = None, **options: Any) -> Server:
        server = Server(mailbox or Mailbox(), **options)
        server.start()
        servers.append(server)
        return server

    yield start_server
    for server in servers:
        server.stop()


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Trust the certificate of the test servers."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    return certificate


OPEN: list[SmtpChannel] = []


@pytest.fixture(autouse=True)
def close_channels() -> Iterator[None]:
    yield
    while OPEN:
        OPEN.pop().close()


def channel(server: Server | Script, security: str = "none", **fields: str) -> SmtpChannel:
    sender = fields.pop("sender", SENDER)
    OPEN.append(SmtpChannel(MailServer("127.0.0.1", server.port, security, **fields), sender))
    return OPEN[-1]


def message(address: str = "alice@example.test") -> Message:
    return Message(id="<d1@bellhop.test>", address=address, subject="Hello", text="Hi")


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_mail_is_sent_encrypted_from_the_first_byte_or_after_starttls(
    security: str, start: Callable[..., Server], trusted: Path
) -> None:
    context = server_context(trusted)
    options = (
        {"ssl_context": context} if security == "tls" else {"tls_context": context, "require_starttls": True}
    )
    server = start(**options)
    channel(server, security).send(message())
    assert server.mailbox.mails[0]["Subject"] == "Hello"


@pytest.mark.parametrize("security", ["tls", "starttls"])
@pytest.mark.parametrize("mechanism", sorted(ALL))
def test_sign_in_uses_what_the_server_offers_with_names_and_passwords_in_utf8(
    security: str, mechanism: str, start: Callable[..., Server], trusted: Path
) -> None:
    mailbox, context = SigningIn(), server_context(trusted)
    tls = (
        {"ssl_context": context, "auth_require_tls": False} if security == "tls" else {"tls_context": context}
    )
    server = start(
        mailbox,
        authenticator=mailbox.authenticate,
        auth_required=security == "starttls",
        auth_exclude_mechanism=ALL - {mechanism},
        **tls,
    )
    channel(server, security, user=USER, password=PASSWORD).send(message())
    assert mailbox.used == [mechanism]
    assert len(mailbox.raw) == 1


def test_without_encryption_the_password_is_hidden_where_the_server_can(start: Callable[..., Server]) -> None:
    mailbox = SigningIn()
    server = start(mailbox, authenticator=mailbox.authenticate, auth_require_tls=False)
    channel(server, user=USER, password=PASSWORD).send(message())
    assert mailbox.used == ["CRAM-MD5"]


def test_an_access_token_is_used_if_the_server_accepts_nothing_else(
    start: Callable[..., Server], trusted: Path
) -> None:
    mailbox = SigningIn("a token")
    server = start(
        mailbox,
        authenticator=lambda *_arguments: AuthResult(success=False, handled=False),
        tls_context=server_context(trusted),
        auth_exclude_mechanism={"CRAM-MD5"},
    )
    channel(server, "starttls", user=USER, password="a token").send(message())
    assert mailbox.used == ["XOAUTH2"]
    assert len(mailbox.raw) == 1


def test_a_wrong_password_blames_our_settings(start: Callable[..., Server], trusted: Path) -> None:
    mailbox = SigningIn("another")
    server = start(mailbox, authenticator=mailbox.authenticate, tls_context=server_context(trusted))
    with pytest.raises(HostUnavailable, match=r"STARTTLS, sign-in: 535") as caught:
        channel(server, "starttls", user=USER, password=PASSWORD).send(message())
    assert caught.value.is_our_fault
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_an_untrusted_certificate_is_refused_with_an_explanation(
    security: str, start: Callable[..., Server], certificate: Path
) -> None:
    context = server_context(certificate)
    server = start(**({"ssl_context": context} if security == "tls" else {"tls_context": context}))
    with pytest.raises(HostUnavailable, match="certificate is not trusted: self-signed") as caught:
        channel(server, security).send(message())
    assert caught.value.is_our_fault
    assert server.mailbox.raw == []


def test_a_certificate_of_another_host_is_refused(start: Callable[..., Server], trusted: Path) -> None:
    server = start(ssl_context=server_context(trusted))
    # The same address under a name that is not in the certificate.
    other = SmtpChannel(MailServer("127.1", server.port, "tls"), SENDER)
    with pytest.raises(HostUnavailable, match="certificate is not trusted") as caught:
        other.send(message())
    assert caught.value.is_our_fault


@pytest.mark.parametrize(
    ("security", "words"),
    [
        ("starttls", "does not offer STARTTLS. Set EMAIL_USE_TLS=false"),
        ("tls", "Check EMAIL_PORT, EMAIL_USE_SSL and EMAIL_USE_TLS"),
    ],
)
def test_a_server_without_encryption_has_its_own_error(
    security: str, words: str, start: Callable[..., Server]
) -> None:
    server = start()
    with pytest.raises(HostUnavailable, match=words) as caught:
        channel(server, security).send(message())
    assert caught.value.is_our_fault


def test_a_server_that_offers_sign_in_only_after_starttls_says_so(
    start: Callable[..., Server], trusted: Path
) -> None:
    mailbox = SigningIn()
    server = start(mailbox, authenticator=mailbox.authenticate, tls_context=server_context(trusted))
    with pytest.raises(HostUnavailable, match="EMAIL_USE_TLS=true") as caught:
        channel(server, user=USER, password=PASSWORD).send(message())
    assert caught.value.is_our_fault


def test_a_silent_server_may_expect_tls_and_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(smtp_connection.SECONDS, "greeting", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent_server = SmtpChannel(MailServer("127.0.0.1", silent.getsockname()[1], "none"), SENDER)
        with pytest.raises(HostUnavailable, match="EMAIL_USE_SSL=true"):
            silent_server.send(message())


def test_an_unknown_host_blames_our_settings() -> None:
    with pytest.raises(HostUnavailable, match="Check EMAIL_HOST") as caught:
        SmtpChannel(MailServer("mail.invalid", 25, "none"), SENDER).send(message())
    assert caught.value.is_our_fault


TAKEN: list[str | None] = ["250 sender ok", "250 recipient ok", "354 go on", "read_message", "250 taken"]


@pytest.mark.parametrize(
    "opening",
    [
        ["220 hello", "502 what?", "250 hello"],
        ["220-one\r\n220-two\r\n220 three", "250-hello\r\n250-8BITMIME\r\n250 PIPELINING"],
        ["220 hello", "250-hello\r\n250-XYZ=1 2 3\r\n250-size\r\n250 auth=LOGIN"],
        ["220", "250"],
    ],
)
def test_old_and_unusual_servers_accept_mail(opening: list[str | None]) -> None:
    server = Script([*opening, *TAKEN])
    assert channel(server).send(message()).response == "250 taken"
    server.close()
    assert b"Subject: Hello" in server.messages[0]


PIPELINED: list[str | None] = ["220 hello", "250-hello\r\n250 PIPELINING"]


@pytest.mark.parametrize(
    ("replies", "failure", "words"),
    [
        (["550 5.1.1 nobody", "503 no recipient"], PermanentFailure, "nobody"),
        # Some wait for the message although it has no recipient (RFC 2920, 3.1).
        (["550 5.1.1 nobody", "354 go on", "554 no recipient"], PermanentFailure, "nobody"),
        (["421 4.3.0 closing", None], TemporaryFailure, "closing"),
        (["452 later", None], TemporaryFailure, "later"),
        (["250 ok", "451 not now"], TemporaryFailure, "not now"),
    ],
)
def test_of_commands_sent_at_once_the_first_that_fails_counts(
    replies: list[str | None], failure: type[Exception], words: str
) -> None:
    rejected = [*PIPELINED, "250 sender ok", *replies]
    is_open = rejected[-1] is not None
    server = Script([*rejected, "250 reset", *TAKEN]) if is_open else Script(rejected, [*PIPELINED, *TAKEN])
    mail = channel(server)
    with pytest.raises(failure, match=words):
        mail.send(message())
    # Each later reply still belongs to its command.
    assert mail.send(message()).response == "250 taken"
    server.close()
    assert len(server.messages) == 1


def test_a_server_that_allows_it_gets_the_envelope_at_once() -> None:
    # This one says nothing before it has all three commands.
    server = Script([*PIPELINED, "read_two", "250 sender ok\r\n250 recipient ok\r\n354 go on", *TAKEN[3:]])
    assert channel(server).send(message()).response == "250 taken"
    server.close()


# A server that reads the end of one email and the envelope of the next before it replies to either.
AHEAD: list[str | None] = [
    *PIPELINED,
    "read_two",
    "250 sender ok\r\n250 recipient ok\r\n354 go on",
    "read_message",
    "read_three",
]
BOTH, NEXT = "250 first\r\n250 sender ok\r\n250 recipient ok\r\n354 go on", message("bob@example.test")


def nothing() -> None:
    """Use no time."""


def test_the_next_envelope_travels_with_the_end_of_an_email() -> None:
    server = Script([*AHEAD, BOTH, "read_message", "250 second"])
    mail, order = channel(server), []
    assert mail.send_ahead(message(), NEXT, lambda: order.append("used the time")).response == "250 first"
    assert order == ["used the time"]
    assert mail.send(NEXT).response == "250 second"
    server.close()
    assert len(server.messages) == 2


@pytest.mark.parametrize(
    ("replies", "failure"),
    [
        ("250 first\r\n250 sender ok\r\n550 5.1.1 nobody\r\n503 no recipient", PermanentFailure),
        ("250 first\r\n250 sender ok\r\n452 later\r\n503 no recipient", TemporaryFailure),
    ],
)
def test_an_envelope_that_travelled_ahead_is_rejected_at_its_turn(
    replies: str, failure: type[Exception]
) -> None:
    server = Script([*AHEAD, replies, "250 reset", *TAKEN])
    mail = channel(server)
    assert mail.send_ahead(message(), NEXT, nothing).response == "250 first"
    with pytest.raises(failure):
        mail.send(NEXT)
    assert mail.send(message()).response == "250 taken"
    server.close()


def test_a_rejected_email_leaves_the_envelope_of_the_next_one() -> None:
    server = Script([*AHEAD, BOTH.replace("250 first", "554 5.6.0 spam"), "read_message", "250 second"])
    mail = channel(server)
    with pytest.raises(PermanentFailure, match="spam"):
        mail.send_ahead(message(), NEXT, nothing)
    assert mail.send(NEXT).response == "250 second"
    server.close()


@pytest.mark.parametrize("ending", [None, "reset"])
def test_an_email_whose_connection_breaks_behind_it_is_uncertain_and_the_next_is_sent_on_a_new_one(
    ending: str | None,
) -> None:
    # The server may have accepted the email before it closed without reading the envelope.
    server = Script([*AHEAD[:-1], ending], [*PIPELINED, *TAKEN])
    mail = channel(server)
    with pytest.raises(UncertainOutcome):
        mail.send_ahead(message(), NEXT, nothing)
    assert mail.send(NEXT).response == "250 taken"
    server.close()


def test_the_reply_to_an_email_counts_although_the_server_closes_after_it() -> None:
    server = Script([*AHEAD[:-1], "250 first", None], [*PIPELINED, *TAKEN])
    mail = channel(server)
    assert mail.send_ahead(message(), NEXT, nothing).response == "250 first"
    assert mail.send(NEXT).response == "250 taken"
    server.close()


def test_an_envelope_that_is_not_used_is_given_up_with_its_connection() -> None:
    server = Script([*AHEAD, BOTH, "read_message"], [*PIPELINED, *TAKEN])
    mail = channel(server)
    mail.send_ahead(message(), NEXT, nothing)
    assert mail.send(message("carol@example.test")).response == "250 taken"
    server.close()
    assert len(server.messages) == 2


def test_no_envelope_travels_ahead_without_pipelining() -> None:
    server = Script(["220 hello", "250 hello", *TAKEN, *TAKEN])
    mail = channel(server)
    assert mail.send_ahead(message(), NEXT, nothing).response == "250 taken"
    assert mail.send(NEXT).response == "250 taken"
    server.close()


def test_any_positive_reply_is_an_acceptance() -> None:
    server = Script(
        ["220 hello", "250 hello", "252 maybe", "252 cannot verify", "354", "read_message", "200 fine"]
    )
    assert channel(server).send(message()).response == "200 fine"
    server.close()


@pytest.mark.parametrize("reply", ["what is this", "354 go on", "999 odd"])
def test_an_unreadable_reply_after_the_message_is_uncertain(reply: str) -> None:
    server = Script(["220 hello", "250 hello", *TAKEN[:-1], reply])
    with pytest.raises(UncertainOutcome):
        channel(server).send(message())
    server.close()


@pytest.mark.parametrize(
    ("greeting", "is_our_fault"), [("554 go away", True), ("421 too busy", False), ("hello", False)]
)
def test_mail_waits_if_the_server_refuses_us_at_once(greeting: str, is_our_fault: bool) -> None:
    server = Script([greeting])
    with pytest.raises(HostUnavailable) as caught:
        channel(server).send(message())
    server.close()
    assert caught.value.is_our_fault == is_our_fault


def test_addresses_outside_ascii_are_sent_where_the_server_accepts_them(start: Callable[..., Server]) -> None:
    server = start(enable_SMTPUTF8=True)
    channel(server).send(message("josé@bücher.example"))
    assert "josé@xn--bcher-kva.example".encode() in server.mailbox.raw[0]
    channel(server, sender="Büro <büro@example.test>").send(message())
    assert len(server.mailbox.raw) == 2


def test_addresses_outside_ascii_fail_where_the_server_rejects_them(
    start: Callable[..., Server],
) -> None:
    server = start(enable_SMTPUTF8=False)
    with pytest.raises(PermanentFailure, match="SMTPUTF8") as caught:
        channel(server).send(message("josé@example.test"))
    assert not caught.value.suppress
    with pytest.raises(HostUnavailable, match="sender") as blamed:
        channel(server, sender="büro@example.test").send(message())
    assert blamed.value.is_our_fault


@pytest.mark.parametrize(
    ("sender", "name"),
    [
        ("Alder Robotics, Inc. <bellhop@example.test>", '"Alder Robotics, Inc."'),
        ('"Alder Robotics, Inc." <bellhop@example.test>', '"Alder Robotics, Inc."'),
        ("Bellhop (staging) <bellhop@example.test>", '"Bellhop (staging)"'),
        ("<bellhop@example.test>", ""),
        (" bellhop@example.test ", ""),
    ],
)
def test_a_sender_is_parsed_in_its_usual_spellings(
    sender: str, name: str, start: Callable[..., Server]
) -> None:
    server = start()
    channel(server, sender=sender).send(message())
    wanted = f"{name} <bellhop@example.test>" if name else "bellhop@example.test"
    assert f"From: {wanted}\r\n".encode() in server.mailbox.raw[0]


@pytest.mark.parametrize("sender", ["Bellhop", "bellhop.example.test", "", "Bellhop <>", "a@b@", "<@x.test>"])
def test_a_sender_without_an_address_blames_our_settings(sender: str, start: Callable[..., Server]) -> None:
    with pytest.raises(HostUnavailable, match="DEFAULT_FROM_EMAIL") as caught:
        channel(start(), sender=sender).send(message())
    assert caught.value.is_our_fault


def test_each_stage_has_its_own_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """A late reply to the final dot is waited for, a late reply before it is not."""
    monkeypatch.setattr(
        smtp_connection, "SECONDS", dict.fromkeys(smtp_connection.SECONDS, 0.3) | {"dot": 5.0}
    )
    answers = threading.Event()

    class SlowDot(Script):
        def _play(self, replies: list[str | None], connection: Any, lines: Any) -> None:
            super()._play(replies, connection, lines)
            if self.messages:
                answers.wait(1)
                connection.sendall(b"250 taken at last\r\n")

    server = SlowDot(["220 hello", "250 hello", *TAKEN[:-1]])
    assert channel(server).send(message()).response == "250 taken at last"
    server.close()


def test_rfc_5321_gives_ten_minutes_after_the_final_dot() -> None:
    assert smtp_connection.SECONDS["dot"] == 600
    assert smtp_connection.SECONDS["data"] == 120
    assert smtp_connection.SECONDS["block"] == 180
    assert smtp_connection.SECONDS["command"] == smtp_connection.SECONDS["greeting"] == 300


@pytest.mark.parametrize(
    ("port", "settings", "security"),
    [
        ("465", {}, "tls"),
        ("465", {"EMAIL_USE_TLS": "true"}, "tls"),
        ("2465", {"EMAIL_USE_SSL": "true"}, "tls"),
        ("587", {}, "starttls"),
        ("25", {"EMAIL_USE_TLS": "false"}, "none"),
        ("465", {"EMAIL_USE_SSL": "false"}, "starttls"),
    ],
)
def test_settings_select_the_encryption(
    port: str, settings: dict[str, str], security: str, database_file: Path
) -> None:
    from app import create_app
    from config import load

    env = {"DATABASE_URL": f"sqlite:///{database_file}", "EMAIL_HOST": "mail.test", "EMAIL_PORT": port}
    app = create_app(load(env | settings))
    assert MailServer.from_state(app.extensions["mail"]).security == security


def test_the_check_reports_its_steps_and_the_servers_reply(
    app: Flask, start: Callable[..., Server], certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start(ssl_context=server_context(certificate))
    point_at(app, server.port, use_ssl=True)
    where = f"127.0.0.1:{server.port} with TLS from the first byte"
    with pytest.raises(HostUnavailable, match=f"{where}, TLS: its certificate is not trusted"):
        email.check()
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert email.check() == f"{where}: 250 OK"
    assert server.mailbox.raw == []


def test_the_check_tries_the_sender_address(app: Flask, start: Callable[..., Server]) -> None:
    server = start()
    server.mailbox.at, server.mailbox.answers = "MAIL", ["553 5.1.8 your domain does not exist"]
    point_at(app, server.port)
    with pytest.raises(HostUnavailable, match="your domain does not exist"):
        email.check()


def test_mail_waits_if_relaying_is_denied(start: Callable[..., Server]) -> None:
    server = start()
    server.mailbox.at, server.mailbox.answers = (
        "RCPT",
        ["554 5.7.1 <alice@example.test>: Relay access denied"],
    )
    way = channel(server)
    with pytest.raises(TemporaryFailure) as caught:
        way.send(message())
    assert caught.value.is_our_fault
    way.send(message("bob@example.test"))

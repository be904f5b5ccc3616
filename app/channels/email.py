"""Mail over SMTP (RFC 5321), on one connection for as long as there is work."""

from __future__ import annotations

import functools
import logging
import select
import smtplib
import socket
import ssl
from collections.abc import Callable
from email.utils import parseaddr

import flask_mail

from app.channels import mime, smtp_replies
from app.channels.base import Channel, HostUnavailable, Message, Receipt, TemporaryFailure, UncertainOutcome
from app.channels.capture import CaptureChannel
from app.extensions import mail

TIMEOUT = 20.0
Command = Callable[..., tuple[int, bytes]]
log = logging.getLogger(__name__)
own_name = functools.cache(socket.getfqdn)


def connect() -> Channel:
    """The email channel as configured: SMTP, or keeping the mail where there is no server."""
    connection = Connection(mail.connect().mail)
    sender = connection.mail.default_sender or ""
    return SmtpChannel(connection, sender) if connection.mail.server else CaptureChannel(sender)


def check() -> None:
    """Connect, sign in and hang up. Raises HostUnavailable."""
    channel = connect()
    if isinstance(channel, SmtpChannel):
        channel.open()
        channel.close()


class Connection(flask_mail.Connection):
    """Flask-Mail's connection, which by itself would wait for ever and trust any certificate."""

    def configure_host(self) -> smtplib.SMTP:
        host = smtplib.SMTP(self.mail.server, self.mail.port, own_name(), timeout=TIMEOUT)
        try:
            if host.sock is not None:
                # The final dot is a small packet of its own: without this it waits for an acknowledgement.
                host.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.mail.use_tls:
                host.starttls(context=ssl.create_default_context())
            host.ehlo_or_helo_if_needed()
            if self.mail.username and self.mail.password:
                host.login(self.mail.username, self.mail.password)
        except BaseException:
            host.close()
            raise
        return host


class SmtpChannel:
    """Sends one mail after the other; reconnects when the connection is gone."""

    def __init__(self, connection: Connection, sender: str) -> None:
        self.connection = connection
        self.sender = sender
        self.return_path = parseaddr(sender)[1]
        self.host: smtplib.SMTP | None = None

    def send(self, message: Message) -> Receipt:
        """Hand a mail to the server.

        Raises:
            HostUnavailable, TemporaryFailure, PermanentFailure, UncertainOutcome: see `smtp_answers`.
        """
        recipient, body = mime.address(message.address), _dotted(mime.build(message, self.sender))
        # A server may close a connection between two mails: one that was kept open gets a second chance.
        for is_last in (False, True) if self.host else (True,):
            try:
                return self._hand_over(self._open_envelope(recipient), body)
            except (OSError, smtplib.SMTPException) as error:
                self._drop()
                if is_last:
                    raise TemporaryFailure(f"Connection lost: {_said(error)}", slow_down=True) from error
        raise AssertionError("the last try returns or raises")

    def open(self) -> None:
        """Connect now. Raises HostUnavailable."""
        self._connected()

    def close(self) -> None:
        """Say goodbye and hang up."""
        if self.host is not None:
            try:
                self.host.quit()
            except (OSError, smtplib.SMTPException):
                log.debug("The mail server was gone before the goodbye")
            self._drop()

    def _drop(self) -> None:
        if self.host is not None:
            self.host.close()
            self.host = None

    def _connected(self) -> smtplib.SMTP:
        if self.host is None:
            try:
                self.host = self.connection.configure_host()
            except (OSError, UnicodeError, smtplib.SMTPException) as error:
                if isinstance(error, smtplib.SMTPAuthenticationError):
                    log.error("The mail server refuses our user name and password: %s", _said(error))  # noqa: TRY400 (a refusal, no bug: its trace says nothing)
                raise HostUnavailable(_said(error)) from error
        return self.host

    def _open_envelope(self, recipient: str) -> smtplib.SMTP:
        host = self._connected()
        # Written out, because smtplib would parse both addresses again.
        self._ask("mail", {250}, host.docmd, "MAIL", f"FROM:<{self.return_path}>")
        self._ask("rcpt", {250, 251}, host.docmd, "RCPT", f"TO:<{recipient}>")
        self._ask("data", {354}, host.docmd, "DATA")
        return host

    def _ask(self, stage: str, good: set[int], command: Command, *arguments: str) -> str:
        code, answer = command(*arguments)
        text = answer.decode("utf-8", "replace")
        if code in good:
            return f"{code} {text}"
        self._reset(code)
        raise smtp_replies.failure(stage, code, text)

    def _reset(self, code: int) -> None:
        """Make the connection fit for the next mail, or let go of it."""
        try:
            if code == 421 or self.host is None or self.host.rset()[0] != 250:
                self._drop()
        except (OSError, smtplib.SMTPException):
            self._drop()

    def _hand_over(self, host: smtplib.SMTP, body: bytes) -> Receipt:
        try:
            host.send(body)
            self._check_still_listening(host)
            host.send(b".\r\n")
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            raise TemporaryFailure(f"Connection lost while sending: {_said(error)}") from error
        try:
            return Receipt(self._ask("data", {250}, host.getreply))
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            if isinstance(error.__context__, ConnectionResetError):
                # TCP resets where bytes were left unread, and the dot was the last of them.
                raise TemporaryFailure(f"Connection lost while sending: {_said(error)}") from error
            raise UncertainOutcome(f"No answer after the message: {_said(error)}") from error

    def _check_still_listening(self, host: smtplib.SMTP) -> None:
        """Before the dot a server has nothing to say: if it speaks, it has given up on the message."""
        if host.sock is not None and select.select([host.sock], [], [], 0)[0]:
            code, answer = host.getreply()
            self._drop()
            raise smtp_replies.failure("data", code, answer.decode("utf-8", "replace"))


def _dotted(body: bytes) -> bytes:
    """RFC 5321, 4.5.2: a line that begins with a dot gets another."""
    return body.replace(b"\r\n.", b"\r\n..")


def _said(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        return f"{error.smtp_code} {said.decode('utf-8', 'replace') if isinstance(said, bytes) else said}"
    return str(error) or type(error).__name__

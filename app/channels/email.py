"""Email over SMTP (RFC 5321), on one connection for as long as there is work."""

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
from app.channels.capture import CaptureEmail
from app.extensions import mail

TIMEOUT = 20.0
Command = Callable[..., tuple[int, bytes]]
log = logging.getLogger(__name__)
host_name = functools.cache(socket.getfqdn)


def connect() -> Channel:
    """Open the email channel: SMTP, or capturing if no server is configured."""
    connection = Connection(mail.connect().mail)
    sender = connection.mail.default_sender or ""
    return SmtpChannel(connection, sender) if connection.mail.server else CaptureEmail(sender)


def check() -> None:
    """Connect, sign in and disconnect. Raises HostUnavailable."""
    channel = connect()
    if isinstance(channel, SmtpChannel):
        channel.open()
        channel.close()


class Connection(flask_mail.Connection):
    """Flask-Mail's connection, with a timeout and verified certificates, which it lacks."""

    def configure_host(self) -> smtplib.SMTP:
        host = smtplib.SMTP(self.mail.server, self.mail.port, host_name(), timeout=TIMEOUT)
        try:
            if host.sock is not None:
                # Send the final dot at once instead of waiting for an acknowledgement of the packet before it.
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
    """Sends emails one after the other, and reconnects if the connection is lost."""

    def __init__(self, connection: Connection, sender: str) -> None:
        self.connection = connection
        self.sender = sender
        self.return_path = parseaddr(sender)[1]
        self.host: smtplib.SMTP | None = None

    def send(self, message: Message) -> Receipt:
        """Send an email.

        Raises:
            HostUnavailable, TemporaryFailure, PermanentFailure, UncertainOutcome: see `smtp_replies`.
        """
        recipient, body = mime.address(message.address), _stuff_dots(mime.build(message, self.sender))
        if self.host is not None:
            try:
                return self._transmit(self._open_envelope(recipient), body)
            except (OSError, smtplib.SMTPException):
                # The server may have closed the connection since the last email: try again on a new one.
                self._disconnect()
        try:
            return self._transmit(self._open_envelope(recipient), body)
        except (OSError, smtplib.SMTPException) as error:
            self._disconnect()
            raise TemporaryFailure(f"Connection lost: {_describe(error)}", slow_down=True) from error

    def open(self) -> None:
        """Connect now. Raises HostUnavailable."""
        self._connect()

    def close(self) -> None:
        """Say goodbye and disconnect."""
        if self.host is not None:
            try:
                self.host.quit()
            except (OSError, smtplib.SMTPException):
                log.debug("The mail server closed the connection before the goodbye")
            self._disconnect()

    def _disconnect(self) -> None:
        if self.host is not None:
            self.host.close()
            self.host = None

    def _connect(self) -> smtplib.SMTP:
        if self.host is None:
            try:
                self.host = self.connection.configure_host()
            except (OSError, UnicodeError, smtplib.SMTPException) as error:
                if isinstance(error, smtplib.SMTPAuthenticationError):
                    log.error("The mail server rejects the user name and password: %s", _describe(error))  # noqa: TRY400 (not a bug, so the traceback is of no use)
                raise HostUnavailable(_describe(error)) from error
        return self.host

    def _open_envelope(self, recipient: str) -> smtplib.SMTP:
        host = self._connect()
        # Sent as commands, because smtplib's methods would parse both addresses again.
        self._command("mail", {250}, host.docmd, "MAIL", f"FROM:<{self.return_path}>")
        self._command("rcpt", {250, 251}, host.docmd, "RCPT", f"TO:<{recipient}>")
        self._command("data", {354}, host.docmd, "DATA")
        return host

    def _command(self, stage: str, accepted: set[int], command: Command, *arguments: str) -> str:
        code, reply = command(*arguments)
        text = reply.decode("utf-8", "replace")
        if code in accepted:
            return f"{code} {text}"
        self._reset(code)
        raise smtp_replies.failure(stage, code, text)

    def _reset(self, code: int) -> None:
        """Reset the connection for the next email, or close it."""
        try:
            if code == 421 or self.host is None or self.host.rset()[0] != 250:
                self._disconnect()
        except (OSError, smtplib.SMTPException):
            self._disconnect()

    def _transmit(self, host: smtplib.SMTP, body: bytes) -> Receipt:
        try:
            host.send(body)
            self._check_still_listening(host)
            host.send(b".\r\n")
        except (OSError, smtplib.SMTPException) as error:
            self._disconnect()
            raise TemporaryFailure(f"Connection lost while sending: {_describe(error)}") from error
        try:
            return Receipt(self._command("data", {250}, host.getreply))
        except (OSError, smtplib.SMTPException) as error:
            self._disconnect()
            if isinstance(error.__context__, ConnectionResetError):
                # The server did not read everything, so it has not seen the final dot.
                raise TemporaryFailure(f"Connection lost while sending: {_describe(error)}") from error
            raise UncertainOutcome(f"No response after the message: {_describe(error)}") from error

    def _check_still_listening(self, host: smtplib.SMTP) -> None:
        """A server that speaks before the final dot has given up on the message."""
        if host.sock is not None and select.select([host.sock], [], [], 0)[0]:
            code, reply = host.getreply()
            self._disconnect()
            raise smtp_replies.failure("data", code, reply.decode("utf-8", "replace"))


def _stuff_dots(body: bytes) -> bytes:
    """Double the dot at the beginning of a line (RFC 5321, 4.5.2)."""
    return body.replace(b"\r\n.", b"\r\n..")


def _describe(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error
        return f"{error.smtp_code} {text.decode('utf-8', 'replace') if isinstance(text, bytes) else text}"
    return str(error) or type(error).__name__

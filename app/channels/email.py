"""Email over SMTP (RFC 5321), on one connection for as long as there is work."""

from __future__ import annotations

import logging
import select
import smtplib
from collections.abc import Callable, Sequence
from typing import NamedTuple

from flask import current_app

from app.channels import mime, smtp_connection, smtp_replies
from app.channels.base import (
    Channel,
    DeliveryError,
    HostUnavailable,
    Message,
    PermanentFailure,
    Receipt,
    TemporaryFailure,
    UncertainOutcome,
)
from app.channels.capture import CaptureEmail
from app.channels.smtp_connection import MailServer, describe

# How long `check` waits at each stage: an admin is waiting for the result.
CHECK_SECONDS = 20.0
log = logging.getLogger(__name__)


def connect() -> Channel:
    """Open the email channel: SMTP, or capturing if no server is configured."""
    state = current_app.extensions["mail"]
    sender = state.default_sender or ""
    return SmtpChannel(MailServer.from_state(state), sender) if state.server else CaptureEmail(sender)


def check() -> str:
    """Connect, sign in, offer our sender address and disconnect. Nothing is sent.

    Returns:
        what worked, and the server's last reply.
    Raises:
        HostUnavailable: with what was tried and what the server said.
    """
    channel = connect()
    if not isinstance(channel, SmtpChannel):
        return ""
    channel.longest_stage = CHECK_SECONDS
    try:
        return channel.check_sender()
    finally:
        channel.close()


class SmtpCommand(NamedTuple):
    """A command, what it is called in the rules of replies, and the first digit of a reply that accepts it."""

    stage: str
    accepted: int
    text: str


class SmtpChannel:
    """Sends emails one after the other, and reconnects if the connection is lost."""

    def __init__(self, server: MailServer, sender: str) -> None:
        self.server = server
        self.sender = sender
        self.longest_stage = float("inf")
        self.host: smtplib.SMTP | None = None
        # The recipient whose envelope has been sent, and not been replied to.
        self._opened_for: str | None = None

    def send(self, message: Message) -> Receipt:
        """Send an email.

        Raises:
            HostUnavailable, TemporaryFailure, PermanentFailure, UncertainOutcome: see `smtp_replies`.
        """
        return self.send_ahead(message, None, lambda: None)

    def send_ahead(
        self, message: Message, following: Message | None, meanwhile: Callable[[], object]
    ) -> Receipt:
        """Send an email, and use the time until it is replied to; raises as `send`.

        Args:
            following: the email that will probably be sent next. Its envelope goes out with the end of this one if the
                server allows it (RFC 2920, 3.1).
            meanwhile: called before waiting for the reply. It must not raise.
        """
        return_path = self._return_path()
        recipient, body = mime.address(message.address), _stuff_dots(mime.build(message, self.sender))
        next_recipient = following.address if following is not None else None
        if self.host is not None:
            try:
                host = self._open_envelope(return_path, recipient)
                return self._transmit(host, body, return_path, next_recipient, meanwhile)
            except (OSError, smtplib.SMTPException):
                # The server may have closed the connection since the last email: try again on a new one.
                self._disconnect()
        try:
            host = self._open_envelope(return_path, recipient)
            return self._transmit(host, body, return_path, next_recipient, meanwhile)
        except (OSError, smtplib.SMTPException) as error:
            self._disconnect()
            raise TemporaryFailure(f"Connection lost: {describe(error)}", slow_down=True) from error

    def check_sender(self) -> str:
        """Connect and offer our sender address; return what the server said. Raises HostUnavailable."""
        return_path = self._return_path()
        host = self._connect()
        try:
            command = self._mail_command(host, return_path, needs_utf8=not return_path.isascii())
            reply = self._converse(host, [command])
        except HostUnavailable:
            raise
        except (TemporaryFailure, OSError, smtplib.SMTPException) as error:
            raise HostUnavailable(f"{self.server}, MAIL FROM:<{return_path}>: {describe(error)}") from error
        self._reset(0)
        return f"{self.server}: {reply}"

    def close(self) -> None:
        """Say goodbye and disconnect."""
        if self._opened_for is not None:
            self._disconnect()  # The server would take the goodbye for an email.
        if self.host is not None:
            try:
                self._wait_up_to("quit")
                self.host.quit()
            except (OSError, smtplib.SMTPException):
                log.debug("The mail server closed the connection before the goodbye")
            self._disconnect()

    def _return_path(self) -> str:
        try:
            return mime.split_sender(self.sender)[1]
        except ValueError as error:
            raise HostUnavailable(
                f"DEFAULT_FROM_EMAIL is {self.sender!r}: {error}", is_our_fault=True
            ) from error

    def _seconds(self, stage: str) -> float:
        return min(smtp_connection.SECONDS[stage], self.longest_stage)

    def _wait_up_to(self, stage: str) -> None:
        if self.host is not None and self.host.sock is not None:
            self.host.sock.settimeout(self._seconds(stage))

    def _disconnect(self) -> None:
        if self.host is not None:
            self.host.close()
            self.host = self._opened_for = None

    def _connect(self) -> smtplib.SMTP:
        if self.host is None:
            try:
                self.host = smtp_connection.open_connection(self.server, self._seconds)
            except HostUnavailable as error:
                if error.is_our_fault:
                    log.error("Email settings are rejected: %s", error)  # noqa: TRY400 (not a bug, so the traceback is of no use)
                raise
        return self.host

    def _open_envelope(self, return_path: str, recipient: str) -> smtplib.SMTP:
        if self._opened_for not in {None, recipient}:
            self._disconnect()  # The server expects a different email now, and SMTP cannot take that back.
        host = self._connect()
        is_sent, self._opened_for = self._opened_for is not None, None
        self._converse(host, self._envelope(host, return_path, recipient), is_sent=is_sent)
        return host

    def _envelope(self, host: smtplib.SMTP, return_path: str, recipient: str) -> list[SmtpCommand]:
        """Return the commands before an email: smtplib's methods would parse the addresses again."""
        if not recipient.isascii() and not host.has_extn("smtputf8"):
            raise PermanentFailure(
                f"The mail server does not accept addresses such as {recipient!r}: it does not offer SMTPUTF8"
            )
        needs_utf8 = not (recipient.isascii() and return_path.isascii())
        return [
            self._mail_command(host, return_path, needs_utf8=needs_utf8),
            SmtpCommand("rcpt", 2, f"RCPT TO:<{recipient}>"),
            SmtpCommand("data", 3, "DATA"),
        ]

    def _mail_command(self, host: smtplib.SMTP, return_path: str, *, needs_utf8: bool) -> SmtpCommand:
        if needs_utf8 and not host.has_extn("smtputf8"):
            raise HostUnavailable(
                f"The mail server does not accept the sender {return_path!r}: it does not offer SMTPUTF8",
                is_our_fault=True,
            )
        options = " SMTPUTF8 BODY=8BITMIME" if needs_utf8 else ""
        return SmtpCommand("mail", 2, f"MAIL FROM:<{return_path}>{options}")

    def _converse(self, host: smtplib.SMTP, commands: Sequence[SmtpCommand], *, is_sent: bool = False) -> str:
        """Send commands and return the last reply; raise the failure of the first that is not accepted.

        All at once if the server allows it (RFC 2920), which saves waiting for each reply.
        """
        is_pipelined = host.has_extn("pipelining")
        if is_pipelined and not is_sent:
            host.send(_lines(*commands))
        reply = ""
        for number, command in enumerate(commands):
            if not is_pipelined:
                host.send(_lines(command))
            self._wait_up_to("data" if command.stage == "data" else "command")
            code, text = host.getreply()
            # After 421 the server closes the connection.
            if is_pipelined and code // 100 != command.accepted and code != 421:
                self._skip_replies(host, commands[number + 1 :])
            reply = self._check(command.stage, command.accepted, code, text)
        return reply

    def _skip_replies(self, host: smtplib.SMTP, commands: Sequence[SmtpCommand]) -> None:
        """Read the replies to commands that were sent before an earlier one was rejected."""
        try:
            for command in commands:
                code, _text = host.getreply()
                if command.stage == "data" and code // 100 == command.accepted:
                    # A server may wait for the message although it has no recipient: send none (RFC 2920, 3.1).
                    host.send(".\r\n")
                    host.getreply()
        except (OSError, smtplib.SMTPException):
            self._disconnect()

    def _check(self, stage: str, accepted: int, code: int, reply: bytes) -> str:
        """Return a reply whose first digit is the accepted one (RFC 5321, 4.3.2); raise the failure of any other."""
        text = reply.decode("utf-8", "replace")
        if code // 100 == accepted:
            return f"{code} {text}"
        self._reset(code)
        raise smtp_replies.failure(stage, code, text)

    def _reset(self, code: int) -> None:
        """Reset the connection for the next email, or close it."""
        self._wait_up_to("command")
        try:
            if code == 421 or self.host is None or self.host.rset()[0] != 250:
                self._disconnect()
        except (OSError, smtplib.SMTPException):
            self._disconnect()

    def _transmit(
        self,
        host: smtplib.SMTP,
        body: bytes,
        return_path: str,
        next_recipient: str | None,
        meanwhile: Callable[[], object],
    ) -> Receipt:
        size = smtp_connection.BLOCK_BYTES
        *blocks, last = [body[start : start + size] for start in range(0, len(body), size)]
        envelope = self._envelope_ahead(host, return_path, next_recipient)
        try:
            self._wait_up_to("block")
            for block in blocks:
                host.send(block)
            self._check_still_listening(host)
            if not envelope:
                host.send(last + b".\r\n")
        except (OSError, smtplib.SMTPException) as error:
            self._disconnect()
            raise TemporaryFailure(f"Connection lost while sending: {describe(error)}") from error
        try:
            if envelope:
                host.send(last + b".\r\n" + envelope)
            meanwhile()
            self._wait_up_to("dot")
            code, reply = host.getreply()
        except (OSError, smtplib.SMTPException) as error:
            self._disconnect()
            # The server did not read everything: without an envelope, it has not seen the final dot.
            if isinstance(error.__context__, ConnectionResetError) and not envelope:
                raise TemporaryFailure(f"Connection lost while sending: {describe(error)}") from error
            raise UncertainOutcome(f"No response after the message: {describe(error)}") from error
        text = reply.decode("utf-8", "replace")
        if not 200 <= code < 600 or 300 <= code < 400:
            self._disconnect()
            raise UncertainOutcome(f"An odd response after the message: {code} {text}")
        if code == 421:
            self._disconnect()
        # Accepted or not, the server is ready for the next envelope (RFC 5321, 4.1.1.4).
        if code // 100 != 2:
            raise smtp_replies.failure("data", code, text)
        return Receipt(f"{code} {text}")

    def _envelope_ahead(self, host: smtplib.SMTP, return_path: str, address: str | None) -> bytes:
        """Return the commands of the next email as they are sent with the end of this one; empty if they cannot be."""
        if address is None or not host.has_extn("pipelining"):
            return b""
        try:
            recipient = mime.address(address)
            commands = self._envelope(host, return_path, recipient)
        except DeliveryError:
            return b""  # Raised again at its turn.
        self._opened_for = recipient
        return _lines(*commands)

    def _check_still_listening(self, host: smtplib.SMTP) -> None:
        """A server that speaks before the final dot has given up on the message."""
        if host.sock is not None and select.select([host.sock], [], [], 0)[0]:
            code, reply = host.getreply()
            self._disconnect()
            raise smtp_replies.failure("data", code, reply.decode("utf-8", "replace"))


def _lines(*commands: SmtpCommand) -> bytes:
    return "".join(f"{command.text}\r\n" for command in commands).encode()


def _stuff_dots(body: bytes) -> bytes:
    """Double the dot at the beginning of a line (RFC 5321, 4.5.2)."""
    return body.replace(b"\r\n.", b"\r\n..")

"""Opens a connection to a mail server as servers exist: port 25, 465 or 587, old and new ways to sign in."""

from __future__ import annotations

import functools
import hmac
import re
import smtplib
import socket
import ssl
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from app.channels.base import HostUnavailable

# Seconds that each stage may take (RFC 5321, 4.5.3.2). A server may scan a message for minutes before it accepts it:
# giving up early would send the message twice.
SECONDS: dict[str, float] = {
    "connect": 20,
    "greeting": 300,
    "command": 300,
    "data": 120,
    "block": 180,
    "dot": 600,
    "quit": 5,
}
BLOCK_BYTES = 64 * 1024
HOST_NAME = re.compile(r"[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+")
SECURITY = {
    "tls": "TLS from the first byte",
    "starttls": "STARTTLS",
    "none": "no encryption",
}


@dataclass(frozen=True)
class MailServer:
    """The address of the mail server, and how to sign in. `security` is a key of `SECURITY`."""

    host: str
    port: int
    security: str
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def from_state(cls, state: Any) -> MailServer:
        """Read it from Flask-Mail's state. TLS from the first byte wins over STARTTLS, which is on by default."""
        security = "tls" if state.use_ssl else "starttls" if state.use_tls else "none"
        return cls(state.server, state.port, security, state.username or "", state.password or "")

    def __str__(self) -> str:
        return f"{self.host}:{self.port} with {SECURITY[self.security]}"


def open_connection(
    server: MailServer, seconds: Callable[[str], float] = SECONDS.__getitem__
) -> smtplib.SMTP:
    """Connect, encrypt and sign in.

    Args:
        seconds: how long each stage may take.
    Raises:
        HostUnavailable: with what was tried and what the server said.
    """
    stage = _Stage("connect")
    client = smtplib.SMTP()
    try:
        _connect(client, server, stage, seconds)
        _say_hello(client, stage)
        if server.security == "starttls":
            _start_tls(client, server, stage)
            _say_hello(client, stage)
        if server.user and server.password:
            stage.name = "sign-in"
            _sign_in(client, server)
    except (OSError, UnicodeError, smtplib.SMTPException) as error:
        client.close()
        raise _unavailable(error, server, stage.name) from error
    except BaseException:
        client.close()
        raise
    return client


@dataclass
class _Stage:
    name: str


def _connect(
    client: smtplib.SMTP, server: MailServer, stage: _Stage, seconds: Callable[[str], float]
) -> None:
    link = socket.create_connection((server.host, server.port), seconds("connect"))
    # Send the final dot at once instead of waiting for an acknowledgement of the packet before it.
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.sock = link
    client.local_hostname = hello_name(link)
    if server.security == "tls":
        stage.name = "TLS"
        client.sock = _trusted().wrap_socket(link, server_hostname=server.host)
    stage.name = "greeting"
    client.sock.settimeout(seconds("greeting"))
    code, reply = client.getreply()
    if code != 220:
        raise smtplib.SMTPConnectError(code, reply)
    client.sock.settimeout(seconds("command"))


def _say_hello(client: smtplib.SMTP, stage: _Stage) -> None:
    stage.name = "EHLO"
    client.ehlo_or_helo_if_needed()


def _start_tls(client: smtplib.SMTP, server: MailServer, stage: _Stage) -> None:
    stage.name = "STARTTLS"
    if not client.has_extn("starttls"):
        raise smtplib.SMTPNotSupportedError(
            "the server does not offer STARTTLS. Set EMAIL_USE_TLS=false to send without encryption"
        )
    code, reply = client.docmd("STARTTLS")
    if code != 220:
        raise smtplib.SMTPResponseException(code, reply)
    if client.sock is None:
        raise smtplib.SMTPServerDisconnected("the server closed the connection")
    client.sock = _trusted().wrap_socket(client.sock, server_hostname=server.host)
    # What was said before is forgotten (RFC 3207, 4.2): anyone could have said it.
    client.file = None
    client.ehlo_resp = client.helo_resp = None
    client.esmtp_features.clear()
    client.does_esmtp = False


def _sign_in(client: smtplib.SMTP, server: MailServer) -> None:
    offered = client.esmtp_features.get("auth", "").upper().replace("=", " ").split()
    usable = [name for name in _preference(server.security) if name in offered]
    if not usable:
        hint = "; set EMAIL_USE_TLS=true" if server.security == "none" and client.has_extn("starttls") else ""
        raise smtplib.SMTPNotSupportedError(
            f"the server offers no way to sign in that Bellhop knows: {' '.join(offered) or 'none'}{hint}"
        )
    refusals: list[tuple[int, bytes]] = []
    for name in usable:
        code, reply = MECHANISMS[name](client, server.user, server.password)
        if 200 <= code < 300:
            return
        refusals.append((code, reply))
        if code < 500:
            break
    raise smtplib.SMTPAuthenticationError(*refusals[0])


def _preference(security: str) -> tuple[str, ...]:
    """Return the mechanisms in the order of attempts: without encryption the one that hides the password first.

    XOAUTH2 is last: there the password is an access token, which the others reject.
    """
    if security == "none":
        return ("CRAM-MD5", "PLAIN", "LOGIN", "XOAUTH2")
    return ("PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2")


def _plain(client: smtplib.SMTP, user: str, password: str) -> tuple[int, bytes]:
    response = _encode(f"\0{user}\0{password}")  # RFC 4616: UTF-8.
    code, reply = client.docmd("AUTH", f"PLAIN {response}")
    return client.docmd(response) if code == 334 else (code, reply)


def _login(client: smtplib.SMTP, user: str, password: str) -> tuple[int, bytes]:
    code, reply = client.docmd("AUTH", "LOGIN")
    for answer in (user, password):
        if code != 334:
            break
        code, reply = client.docmd(_encode(answer))
    return code, reply


def _cram_md5(client: smtplib.SMTP, user: str, password: str) -> tuple[int, bytes]:
    code, reply = client.docmd("AUTH", "CRAM-MD5")
    if code != 334:
        return code, reply
    digest = hmac.new(password.encode(), b64decode(reply), "md5").hexdigest()
    return client.docmd(_encode(f"{user} {digest}"))


def _xoauth2(client: smtplib.SMTP, user: str, token: str) -> tuple[int, bytes]:
    response = _encode(f"user={user}\x01auth=Bearer {token}\x01\x01")
    code, reply = client.docmd("AUTH", f"XOAUTH2 {response}")
    # A server that refuses explains in JSON first, and answers after an empty line.
    return client.docmd("") if code == 334 else (code, reply)


MECHANISMS: dict[str, Callable[[smtplib.SMTP, str, str], tuple[int, bytes]]] = {
    "PLAIN": _plain,
    "LOGIN": _login,
    "CRAM-MD5": _cram_md5,
    "XOAUTH2": _xoauth2,
}


def _encode(text: str) -> str:
    return b64encode(text.encode()).decode()


def hello_name(link: socket.socket) -> str:
    """Return the name for EHLO: this host's full name, or its address where it has none (RFC 5321, 4.1.3)."""
    name = _full_name()
    if HOST_NAME.fullmatch(name):
        return name
    address = link.getsockname()[0]
    return f"[IPv6:{address.partition('%')[0]}]" if ":" in address else f"[{address}]"


@functools.cache
def _full_name() -> str:
    return socket.getfqdn()


def _trusted() -> ssl.SSLContext:
    return ssl.create_default_context()


def _unavailable(error: Exception, server: MailServer, stage: str) -> HostUnavailable:
    """Say what was tried, what happened and, where our settings are to blame, which."""
    tried, described = f"{server}, {stage}", _without_password(describe(error), server)
    if isinstance(error, socket.gaierror | UnicodeError) and stage == "connect":
        return HostUnavailable(
            f"{server.host!r} cannot be found: {described}. Check EMAIL_HOST", is_our_fault=True
        )
    if isinstance(error, ssl.SSLCertVerificationError):
        text = f"{tried}: its certificate is not trusted: {error.verify_message}"
        return HostUnavailable(text, is_our_fault=True)
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        text = f"{tried}: {described}. Check EMAIL_PORT, EMAIL_USE_SSL and EMAIL_USE_TLS"
        return HostUnavailable(text, is_our_fault=True)
    if is_timeout(error) and stage == "greeting" and server.security != "tls":
        text = f"{tried}: no greeting. If the server expects TLS from the first byte, set EMAIL_USE_SSL=true"
        return HostUnavailable(text)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return HostUnavailable(f"{tried}: {described}", is_our_fault=True)
    is_refusal = isinstance(error, smtplib.SMTPResponseException) and error.smtp_code >= 500
    return HostUnavailable(f"{tried}: {described}", is_our_fault=is_refusal)


def _without_password(text: str, server: MailServer) -> str:
    """Leave out the password, which some servers repeat in their reply, as it is or as it was sent."""
    if server.password:
        token = f"user={server.user}\x01auth=Bearer {server.password}\x01\x01"
        for secret in (token, f"\0{server.user}\0{server.password}", server.password):
            text = text.replace(_encode(secret), "[password]").replace(secret, "[password]")
    return text


def is_timeout(error: Exception) -> bool:
    """Whether the server was silent for too long. smtplib reports that as a lost connection."""
    return isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError)


def describe(error: Exception) -> str:
    """Return an error, or the reply that caused it, in words."""
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error
        return f"{error.smtp_code} {text.decode('utf-8', 'replace') if isinstance(text, bytes) else text}"
    if is_timeout(error):
        return "no response in time"
    return str(error) or type(error).__name__

"""The settings: one table, read from the environment and `.env`, and checked once when the application starts.

`flask doctor` reports what `problems` finds here, and then tries what the settings name.
"""

from __future__ import annotations

import base64
import difflib
import hmac
import io
import ipaddress
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.utils import parseaddr, quote, unquote
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import idna
from cryptography.hazmat.primitives.asymmetric import ec
from dotenv import dotenv_values
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

import data_folder

ROOT = Path(__file__).resolve().parent
TRUE, FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}
SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
DEFAULT_PORTS = {"http": 80, "https": 443}
# The path below which a reverse proxy shows Bellhop. Only characters that no proxy and no browser rewrites.
URL_PREFIX = re.compile(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)*")
QUOTES = {'"': '"', "'": "'", "\u201c": "\u201d", "\u2018": "\u2019"}
HOST_NAME = re.compile(r"(?=.{1,253}\Z)(?!-)[^\W_](?:[\w-]*\w)?(?:\.\w(?:[\w-]*\w)?)*\.?")
LOCAL_PART = re.compile(r"(?!\.)[\w!#$%&'*+/=?^_`{|}~.-]{1,64}(?<!\.)")
# A name without the characters that mean something in a mail header (RFC 5322, 3.2.3).
PLAIN_NAME = re.compile(r"[^()<>\[\]:;@\\,.\"]+")
# A key that others can guess signs their sessions as well as ours.
SHORTEST_KEY, LONG_KEY = 16, 32


class ConfigError(RuntimeError):
    """Settings are missing or not usable; the message names each and says what to write."""


@dataclass(frozen=True)
class Problem:
    """A wrong setting, and what to write instead. The application starts only without errors."""

    name: str
    detail: str
    advice: str
    is_error: bool = True

    def __str__(self) -> str:
        return f"{self.name} {self.detail}: {self.advice}"


@dataclass(frozen=True)
class Setting:
    """One row of the table, which the README repeats.

    Args:
        default: parsed where the setting is unset or empty. If empty, the value is empty or computed from others.
        parse: turns the text into a value; raises ValueError with what to write instead.
        about: what it is for.
        computed: says in the README what a computed default is.
        key: its name in Flask's configuration, if that is another one.
        is_secret: its value is not shown.
    """

    name: str
    default: str
    parse: Callable[[str], Any]
    about: str
    computed: str = ""
    key: str = ""
    is_secret: bool = False


# Parsers.


def _flag(value: str) -> bool | None:
    if value.lower() in TRUE | FALSE:
        return value.lower() in TRUE
    if not value:
        return None
    raise ValueError("write true or false")


def _number(low: int, high: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        if not value.isascii() or not value.isdigit() or not low <= int(value[:20]) <= high:
            raise ValueError(f"write a whole number from {low} to {high}")
        return int(value)

    return parse


def _log_format(value: str) -> str:
    if value.lower() not in {"text", "json"}:
        raise ValueError("write text or json")
    return value.lower()


def _who(value: str) -> str:
    if value.lower() not in {"nobody", "admins", "everyone"}:
        raise ValueError("write nobody, admins or everyone")
    return value.lower()


def _rate(value: str) -> tuple[int, int]:
    """Parse a rate limit into a number of calls and a number of seconds."""
    match = re.fullmatch(r"([1-9]\d{0,8})\s*(?:per|/)\s*(second|minute|hour|day)s?", value, re.ASCII)
    if match is None:
        raise ValueError("write a limit such as 600 per minute")
    return int(match[1]), SECONDS[match[2]]


def _per_minute(value: str) -> int:
    """Parse a limit of emails per minute; 0 if there is none."""
    match = re.fullmatch(r"([1-9]\d{0,5})(?:\s*(?:per|/)\s*minute)?", value, re.ASCII)
    if value and match is None:
        raise ValueError("write how many emails per minute, such as 120")
    return int(match[1]) if match else 0


def _host(value: str) -> str:
    """Parse the name or address of a machine, without scheme and port."""
    if not value:
        return ""
    bare = value[1:-1] if value.startswith("[") and value.endswith("]") else value
    if not _is_ip_address(bare) and not HOST_NAME.fullmatch(bare):
        raise ValueError("write only the name or address of a machine, without http:// and without a port")
    return bare


def _mail_host(value: str) -> str:
    try:
        return _host(value)
    except ValueError:
        raise ValueError(
            "write only the mail server's name, such as smtp.example.com, and its port in EMAIL_PORT"
        ) from None


def _web_address(value: str, example: str, *, path: bool = True) -> SplitResult | None:
    """Parse the address of a site; None if it is empty."""
    if not value:
        return None
    try:
        parts = urlsplit(value)
        is_valid = parts.port != 0 and bool(parts.hostname) and parts.scheme in {"http", "https"}
    except ValueError:
        raise ValueError(f"write an address such as {example}") from None
    if not is_valid or re.search(r"[\s\\<>\"]", value) or "//" in parts.path:
        raise ValueError(f"write an address such as {example}")
    if not _is_ip_address(str(parts.hostname)) and not HOST_NAME.fullmatch(str(parts.hostname)):
        raise ValueError(f"{parts.hostname!r} is not a host name, write an address such as {example}")
    if "?" in value or "#" in value:
        raise ValueError(f"leave out what follows ? or #, and write an address such as {example}")
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"leave out the user name and password, and write an address such as {example}")
    if parts.path.strip("/") and not path:
        raise ValueError(f"leave out the path, and write an address such as {example}")
    return parts


def _base_url(value: str) -> str:
    parts = _web_address(value, "https://bellhop.example.com")
    if parts is not None and parts.hostname in {"0.0.0.0", "::"}:  # noqa: S104  # Compared with, not bound to.
        raise ValueError("no browser can open that address, write the one that people type")
    return _as_browsers_write(parts)


def _static_url(value: str) -> str:
    parts = _web_address(value, "https://cdn.example.com")
    if parts is not None and "[" in parts.netloc:
        raise ValueError("a content security policy cannot name an IPv6 address, write a host name")
    return _as_browsers_write(parts)


def _as_browsers_write(parts: SplitResult | None) -> str:
    """Return the address with a host in lower case and ASCII, and without a default port or a final slash."""
    if parts is None:
        return ""
    path, host = parts.path.rstrip("/"), str(parts.hostname)
    if not URL_PREFIX.fullmatch(path):
        raise ValueError("write the path with letters, digits and - . _ ~ only")
    if _is_ip_address(host):
        host = f"[{host}]" if ":" in host else host
    elif not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode()
        except UnicodeError:
            raise ValueError(f"{host!r} is not a host name") from None
    is_default = parts.port is None or parts.port == DEFAULT_PORTS[parts.scheme]
    return f"{parts.scheme}://{host}{'' if is_default else f':{parts.port}'}{path}"


def _script_name(value: str) -> str:
    path = value.rstrip("/")
    if not URL_PREFIX.fullmatch(path):
        raise ValueError("write a path such as /bellhop")
    return path


def _sentry_dsn(value: str) -> str:
    if value and not re.fullmatch(r"https?://[^\s@/:]+@[^\s@/]+/(?:[^\s?#]+/)?\d+", value):
        raise ValueError("copy the DSN of the project, such as https://key@sentry.example.com/1")
    return value


def _otlp_endpoint(value: str) -> str:
    _web_address(value, "http://127.0.0.1:4318")
    return value.rstrip("/")


def _twilio_url(value: str) -> str:
    _web_address(value, "https://api.twilio.com")
    return value.rstrip("/")


def _stand_in_url(value: str) -> str:
    _web_address(value, "https://api.example.com")
    return value.rstrip("/")


def _slack_token(value: str) -> str:
    if value and not re.fullmatch(r"[\w.-]+", value, re.ASCII):
        raise ValueError("write the bot's token, which begins with xoxb-")
    return value


def _database_url(value: str) -> URL:
    forms = "write sqlite:////path/to/file.db or postgresql://user:password@host/name"
    try:
        url = make_url(value)
    except (ArgumentError, ValueError):
        raise ValueError(f"{forms}, with special characters of the password percent-encoded") from None
    if url.get_backend_name() in {"postgres", "postgresql"}:
        if "@" in (url.host or "") or not url.database or "/" in url.database:
            raise ValueError(f"{forms}, with special characters of the password percent-encoded")
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() != "sqlite":
        raise ValueError(f"Bellhop runs on SQLite and PostgreSQL, {forms}")
    if url.host:
        raise ValueError("write three slashes before a path in this folder, four before any other path")
    if not url.database or url.database == ":memory:" or url.query.get("mode") == "memory":
        raise ValueError("every thread would see its own empty database in memory, name a file")
    return url.set(drivername="sqlite", database=str(ROOT / url.database))


def _redis_url(value: str) -> str:
    if not value:
        return ""
    try:
        parts = urlsplit(value)
        is_valid = parts.port != 0 and (bool(parts.hostname) or (parts.scheme == "unix" and bool(parts.path)))
    except ValueError:
        is_valid, parts = False, urlsplit("")
    is_numbered = parts.scheme == "unix" or re.fullmatch(r"/?\d*", parts.path) is not None
    if parts.scheme not in {"redis", "rediss", "unix"} or not is_valid or not is_numbered:
        raise ValueError("write redis://host:6379/0")
    return value


def _broker_url(value: str) -> str:
    if urlsplit(value).scheme not in {"amqp", "amqps"}:
        try:
            return _redis_url(value)
        except ValueError:
            raise ValueError("write redis://host:6379/0 or amqp://user:password@host/name") from None
    try:
        parts = urlsplit(value)
        is_valid = parts.port != 0 and bool(parts.hostname)
    except ValueError:
        is_valid = False
    if not is_valid:
        raise ValueError("write redis://host:6379/0 or amqp://user:password@host/name")
    return value


def parse_sender(value: str) -> str:
    """Parse an address with or without a name, and return it with its name quoted where that is necessary.

    Every reader of the result may use `email.utils.parseaddr`. `Alder Robotics, Inc. <bellhop@example.com>` is
    understood, although RFC 5322 asks for quotes around a name with a comma.
    """
    advice = "write an address such as Bellhop <bellhop@example.com>"
    match = re.fullmatch(r"([^<>]*)<\s*([^<>]*?)\s*>", value)
    name, address = (match[1].strip(), match[2]) if match else parseaddr(value)
    if re.search(r"[\x00-\x1f\x7f\x85\u2028\u2029]", value):
        raise ValueError(f"leave out line breaks and control characters, and {advice}")
    if not match and address not in value.split() and value != address:
        raise ValueError(advice)
    local, at, domain = address.rpartition("@")
    if not at or not local or not domain:
        raise ValueError(f"there is no @ with a name before it and a host behind it, {advice}")
    if not LOCAL_PART.fullmatch(local) or ".." in local:
        raise ValueError(f"{local!r} cannot come before the @, {advice}")
    try:
        domain = domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
    except UnicodeError:  # IDNAError is a UnicodeError.
        domain = ""
    if not HOST_NAME.fullmatch(domain):
        raise ValueError(f"what follows the @ is not a host name, {advice}")
    name = _decode_name(unquote(name)) if name.startswith('"') else _decode_name(name)
    if not name:
        return f"{local}@{domain}"
    return (
        f"{name} <{local}@{domain}>" if PLAIN_NAME.fullmatch(name) else f'"{quote(name)}" <{local}@{domain}>'
    )


def _decode_name(name: str) -> str:
    """Decode a name that was encoded for a mail header (RFC 2047)."""
    try:
        return str(make_header(decode_header(name))) if "=?" in name else name
    except (HeaderParseError, LookupError, UnicodeError):
        return name


def _twilio_from(value: str) -> str:
    digits = re.sub(r"[\s().-]", "", value)
    if value and not re.fullmatch(r"\+[1-9]\d{6,14}|\d{3,8}|MG\w+|[A-Za-z0-9 ]{1,11}", digits, re.ASCII):
        raise ValueError("write our number such as +15005550006, or a messaging service (MG…)")
    return digits if digits.startswith("+") else value


def _vapid_subject(value: str) -> str:
    if value and not re.fullmatch(r"mailto:[^@\s]+@[^@\s]+|https://[^\s/]+\S*", value):
        raise ValueError("write mailto:you@example.com or an https address")
    return value


def _vapid_key(value: str) -> str:
    if not value:
        return ""
    try:
        key = base64.b64decode(value + "=" * (-len(value) % 4), b"-_", validate=True)
        if len(key) != 32:
            raise ValueError("of another length")  # noqa: TRY301  # Answered with the same advice.
        ec.derive_private_key(int.from_bytes(key, "big"), ec.SECP256R1())
    except ValueError:
        raise ValueError("write a P-256 private key, 32 bytes in base64url") from None
    return value


SETTINGS = {
    setting.name: setting
    for setting in (
        Setting("HOST", "127.0.0.1", _host, "the address that `bin/serve` listens on"),
        Setting("PORT", "5000", _number(0, 65535), "the port that `bin/serve` listens on"),
        Setting(
            "BASE_URL",
            "",
            _base_url,
            "the address that people open, in emails and links; it may end in a path, such as "
            "`https://example.com/bellhop`",
            "`http://HOST:PORT`",
        ),
        Setting(
            "TRUSTED_PROXIES",
            "0",
            _number(0, 10),
            "how many reverse proxies are in front of Bellhop; the `X-Forwarded` headers of that many are trusted",
        ),
        # Where some servers write the path of BASE_URL.
        Setting(
            "SCRIPT_NAME",
            "",
            _script_name,
            "the path below which Bellhop is served, if `BASE_URL` has none",
            "the path of `BASE_URL`",
        ),
        Setting(
            "DATABASE_URL",
            f"sqlite:///{data_folder.DEFAULT / 'bellhop.db'}",
            _database_url,
            "SQLite, or `postgresql://user@host/name`",
            "`sqlite:///instance/bellhop.db`",
            key="SQLALCHEMY_DATABASE_URI",
            is_secret=True,
        ),
        Setting(
            "SECRET_KEY",
            "",
            str,
            "signs sessions and links; webhooks' secrets and the push key derive from it; 32 random characters",
            "generated beside the database",
            is_secret=True,
        ),
        Setting(
            "EMAIL_HOST",
            "",
            _mail_host,
            "the mail server; unset: emails are captured and shown under Admin → Deliveries",
            key="MAIL_SERVER",
        ),
        Setting("EMAIL_PORT", "587", _number(1, 65535), "the mail server's port", key="MAIL_PORT"),
        # TLS from the first byte instead of STARTTLS; it wins over EMAIL_USE_TLS, which is on by default.
        Setting(
            "EMAIL_USE_SSL",
            "",
            _flag,
            "TLS from the first byte, instead of STARTTLS",
            "`true` on port 465, else `false`",
            key="MAIL_USE_SSL",
        ),
        Setting(
            "EMAIL_USE_TLS",
            "true",
            _flag,
            "STARTTLS, required; `false` for a server on port 25 without encryption",
            key="MAIL_USE_TLS",
        ),
        Setting("EMAIL_HOST_USER", "", str, "the user name for the mail server", key="MAIL_USERNAME"),
        Setting(
            "EMAIL_HOST_PASSWORD",
            "",
            str,
            "its password, for PLAIN, LOGIN or CRAM-MD5, or an access token for XOAUTH2, whatever the server offers",
            key="MAIL_PASSWORD",
            is_secret=True,
        ),
        Setting(
            "DEFAULT_FROM_EMAIL",
            "Bellhop <bellhop@localhost>",
            parse_sender,
            "the sender",
            key="MAIL_DEFAULT_SENDER",
        ),
        Setting(
            "EMAIL_RATE_LIMIT",
            "",
            _per_minute,
            "how many emails all processes send per minute at most, urgent ones first",
            "no limit",
        ),
        Setting("EMAIL_DOMAIN_RATE_LIMIT", "", _per_minute, "the same for each recipient domain", "no limit"),
        Setting("TWILIO_ACCOUNT_SID", "", str, "the Twilio account; unset: text messages are captured too"),
        Setting("TWILIO_AUTH_TOKEN", "", str, "its token", is_secret=True),
        Setting("TWILIO_FROM", "", _twilio_from, "our number, or a messaging service (`MG…`)"),
        Setting("TWILIO_BASE_URL", "https://api.twilio.com", _twilio_url, "a stand-in for tests"),
        Setting(
            "SLACK_BOT_TOKEN",
            "",
            _slack_token,
            "the token of a Slack bot (`xoxb-…`), for direct messages and for channels by their id",
            is_secret=True,
        ),
        Setting(
            "SLACK_BASE_URL",
            "",
            _stand_in_url,
            "a stand-in for tests, which gets all calls to Slack",
            "Slack itself",
        ),
        Setting(
            "SOURCES_BASE_URL",
            "",
            _stand_in_url,
            "a stand-in for tests, which gets all requests to the APIs of sources",
            "each system itself",
        ),
        Setting(
            "VAPID_PRIVATE_KEY",
            "",
            _vapid_key,
            "our key for push services: P-256, 32 bytes in base64url",
            "derived from `SECRET_KEY`",
            is_secret=True,
        ),
        # The contact for operators of push services (RFC 8292, 2.1).
        Setting(
            "VAPID_SUBJECT",
            "",
            _vapid_subject,
            "the contact address for operators of push services",
            "`mailto:` the sender",
        ),
        Setting("STATIC_URL", "", _static_url, "a CDN in front of the fingerprinted assets"),
        Setting("API_RATE_LIMIT", "600 per minute", _rate, "API calls of each token or signed-in person"),
        Setting(
            "SESSION_IDLE_DAYS", "14", _number(1, 3650), "a browser that isn't used this long is signed out"
        ),
        Setting(
            "SESSION_MAX_DAYS", "90", _number(1, 3650), "every browser is signed out this long after sign-in"
        ),
        Setting(
            "REQUIRE_SECOND_FACTOR",
            "nobody",
            _who,
            "require two-step sign-in of `nobody`, `admins` or `everyone`",
        ),
        Setting(
            "KEEP_NOTIFICATIONS_DAYS",
            "365",
            _number(7, 3650),
            "notifications are deleted this long after they came into the inbox, unless they are saved",
        ),
        Setting(
            "KEEP_AUDIT_DAYS", "730", _number(7, 3650), "entries of the audit log are deleted after this long"
        ),
        Setting(
            "KEEP_SOURCE_CALLS_DAYS",
            "30",
            _number(7, 3650),
            "the calls of other systems are deleted after this long",
        ),
        Setting(
            "REDIS_URL",
            "",
            _redis_url,
            "Redis, in which several processes count API calls together and, with PostgreSQL, announce changes to "
            "open pages; unset: each process counts its own calls and polls the database",
            is_secret=True,
        ),
        Setting(
            "CELERY_BROKER_URL",
            "",
            _broker_url,
            "Redis or RabbitMQ (`amqp://user:password@host/name`), through which `bin/worker` gets its work; only "
            "with PostgreSQL; unset: `bin/serve` sends itself",
            "`REDIS_URL` with PostgreSQL, else none",
            is_secret=True,
        ),
        Setting(
            "BELLHOP_WORKERS",
            "1",
            _number(1, 64),
            "how many server processes `bin/serve` starts; use more than one only with PostgreSQL",
        ),
        Setting(
            "BELLHOP_DEMO",
            "",
            _flag,
            "`0`: no demo data",
            "`1` if `HOST` and `BASE_URL` are both this machine's own (loopback), else `0`",
        ),
        Setting(
            "LOG_FORMAT",
            "text",
            _log_format,
            "`text`, or `json`: one object a line, for log collectors",
        ),
        Setting(
            "SENTRY_DSN",
            "",
            _sentry_dsn,
            "the project of Sentry that errors are sent to; needs `requirements-telemetry.txt`",
            is_secret=True,
        ),
        Setting(
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "",
            _otlp_endpoint,
            "the collector of OpenTelemetry that traces are sent to over HTTP, such as `http://127.0.0.1:4318`; needs "
            "`requirements-telemetry.txt`",
        ),
        Setting(
            "FLASK_DEBUG",
            "0",
            _flag,
            "for development; refused where others can reach the server",
            key="DEBUG",
        ),
    )
}
# What settings need that is not in requirements.txt.
OPTIONAL_PACKAGES = {
    "SENTRY_DSN": ("sentry_sdk", "sentry-sdk"),
    "OTEL_EXPORTER_OTLP_ENDPOINT": (
        "opentelemetry.exporter.otlp.proto.http",
        "opentelemetry-exporter-otlp-proto-http",
    ),
}
# Names of settings that belong to parts of Bellhop that are not built yet.
NOT_USED_YET = re.compile(r"OIDC_\w+|SLACK_SIGNING_SECRET|BOUNCE_\w+")
# A variable with such a name is meant for Bellhop, so a name that is not in the table is a mistake.
OUR_PREFIXES = ("BELLHOP_", "EMAIL_", "SLACK_", "TWILIO_", "VAPID_")


def environment() -> dict[str, str]:
    """Combine the process environment with the `.env` file beside this module; the environment wins.

    Raises:
        ConfigError: `.env` cannot be read.
    """
    path = ROOT / ".env"
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        text = ""
    except UnicodeDecodeError:
        text = "\0"
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read ({error.strerror}): make it a file that the user of Bellhop may read, or delete it."
        ) from error
    # UTF-16 without its mark is valid UTF-8, too.
    if "\0" in text:
        raise ConfigError(f"{path} is not UTF-8 text: save it as UTF-8 in your editor, or delete it.")
    file = {
        name: value for name, value in dotenv_values(stream=io.StringIO(text)).items() if value is not None
    }
    return file | os.environ


def clean(value: str) -> str:
    """Remove what editors and copied commands leave around a value: a byte order mark, spaces, a pair of quotes."""
    value = value.strip("\ufeff\u200b \t\r\n\v\f\u00a0")
    if len(value) >= 2 and QUOTES.get(value[0]) == value[-1]:
        return value[1:-1].strip()
    return value


def load(environ: Mapping[str, str] | None = None, *, tolerant: bool = False) -> dict[str, Any]:
    """Build Flask's configuration from the table of settings.

    Args:
        environ: the settings; by default, the process environment and `.env`.
        tolerant: use the defaults in place of wrong settings, and create no files; for `flask doctor`.
    Raises:
        ConfigError: settings are missing or not usable.
    """
    values, found = read(environ, tolerant=tolerant)
    values["SECRET_KEY"] = _secret_key(values, found, tolerant=tolerant)
    return _flask_settings(values) | {"SETTING_PROBLEMS": tuple(found)}


def read(
    environ: Mapping[str, str] | None = None, *, tolerant: bool = False
) -> tuple[dict[str, Any], list[Problem]]:
    """Parse all settings; see `load`. Touches no file but `.env`.

    Returns:
        their values by name, and what is wrong with them.
    """
    found: list[Problem] = []
    try:
        env = environment() if environ is None else environ
    except ConfigError as error:
        if not tolerant:
            raise
        env, found = os.environ, [Problem(".env", "cannot be used", str(error))]
    given = {name: text for name in SETTINGS if (text := clean(env.get(name, "")))}
    values = _parse(given, found)
    wrong = {problem.name for problem in found}
    more = (*_contradictions(values, given), *_unknown_names(env))
    found += [problem for problem in more if problem.name not in wrong]
    errors = [problem for problem in found if problem.is_error and problem.name in {*SETTINGS, ".env"}]
    if errors and not tolerant:
        raise ConfigError("\n".join(map(str, errors)))
    return values, found


def _parse(given: Mapping[str, str], found: list[Problem]) -> dict[str, Any]:
    """Parse every setting once; add those that are wrong to `found`, and use their defaults."""
    values = {}
    for setting in SETTINGS.values():
        try:
            values[setting.name] = setting.parse(given.get(setting.name, setting.default))
        except ValueError as error:
            shown = "cannot be used" if setting.is_secret else f"is {given[setting.name]!r}"
            found.append(Problem(setting.name, shown, str(error)))
            values[setting.name] = setting.parse(setting.default)
    values["BASE_URL"] = values["BASE_URL"] or listening_address(values) + values["SCRIPT_NAME"]
    if values["EMAIL_USE_SSL"] is None:
        values["EMAIL_USE_SSL"] = values["EMAIL_PORT"] == 465
    # A Redis beside SQLite keeps counting API calls and nothing else.
    if not values["CELERY_BROKER_URL"] and values["DATABASE_URL"].get_backend_name() != "sqlite":
        values["CELERY_BROKER_URL"] = values["REDIS_URL"]
    if values["BELLHOP_DEMO"] is None:
        values["BELLHOP_DEMO"] = not is_public(values)
    return values


def is_public(values: Mapping[str, Any]) -> bool:
    """Whether other machines may reach this server: `HOST` or `BASE_URL` is not a loopback address."""
    return not is_loopback(values["HOST"]) or not is_loopback(urlsplit(values["BASE_URL"]).hostname or "")


def is_loopback(host: str) -> bool:
    """Whether a host name or an address means this machine."""
    host = host.rstrip(".").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    if not _is_ip_address(host):
        return False
    address = ipaddress.ip_address(host)
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def _is_ip_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _contradictions(values: Mapping[str, Any], given: Mapping[str, str]) -> Iterator[Problem]:
    """Find settings that are wrong together, or for a server that others can reach."""
    yield from _weak_points(values)
    yield from _email_contradictions(values, given)
    yield from _unencrypted_services(values)
    for name, (module, package) in OPTIONAL_PACKAGES.items():
        if values[name] and not _is_installed(module):
            yield Problem(
                name,
                f"needs {package}, which is not installed",
                f"run `.venv/bin/python -m pip install -r requirements-telemetry.txt` or leave {name} out",
            )
    twilio = ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_FROM")
    if 0 < sum(name in given for name in twilio) < len(twilio):
        missing = [name for name in twilio if name not in given]
        yield Problem(missing[0], "is not set", f"text messages need all of {', '.join(twilio)}")
    if values["BASE_URL"].startswith("https:") and values["STATIC_URL"].startswith("http:"):
        yield Problem(
            "STATIC_URL", "is not encrypted", "browsers refuse it on an https page, write an https address"
        )
    if values["BELLHOP_WORKERS"] > 1 and values["DATABASE_URL"].get_backend_name() == "sqlite":
        yield Problem(
            "BELLHOP_WORKERS",
            f"is {values['BELLHOP_WORKERS']}",
            "SQLite has one writer, so more processes make nothing faster. Write 1, or use PostgreSQL",
            is_error=False,
        )
    if values["CELERY_BROKER_URL"] and values["DATABASE_URL"].get_backend_name() == "sqlite":
        yield Problem(
            "CELERY_BROKER_URL",
            "is set, and the database is SQLite",
            "workers on other machines cannot open its file and it has one writer, use PostgreSQL or leave "
            "CELERY_BROKER_URL out",
        )
    if values["SCRIPT_NAME"] not in {"", urlsplit(values["BASE_URL"]).path}:
        yield Problem("SCRIPT_NAME", f"is {values['SCRIPT_NAME']!r}", "BASE_URL must end with the same path")
    if values["PORT"] == 0 and "BASE_URL" not in given:
        yield Problem("PORT", "is 0", "links need a fixed port, write it or set BASE_URL", is_error=False)


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # Not even the package that it is in.
        return False


def _weak_points(values: Mapping[str, Any]) -> Iterator[Problem]:
    key, public = values["SECRET_KEY"], is_public(values)
    length = f"use {LONG_KEY} random characters, or leave SECRET_KEY out and Bellhop generates one"
    if key and (len(key) < SHORTEST_KEY or len(set(key)) < 6):
        yield Problem("SECRET_KEY", "can be guessed", length, is_error=public)
    elif key and len(key) < LONG_KEY:
        yield Problem("SECRET_KEY", f"has only {len(key)} characters", length, is_error=False)
    if values["FLASK_DEBUG"]:
        yield Problem(
            "FLASK_DEBUG",
            "is on",
            "others could reach a server that shows its inside, write 0"
            if public
            else "write 0 unless you develop",
            is_error=public,
        )
    if values["BASE_URL"].startswith("https:") and not values["TRUSTED_PROXIES"]:
        yield Problem(
            "TRUSTED_PROXIES",
            "is 0",
            "everyone behind a proxy has its address, so they share its limits and the audit log cannot tell them "
            "apart, write the number of proxies, usually 1",
            is_error=False,
        )
    host = urlsplit(values["BASE_URL"]).hostname or ""
    if values["BASE_URL"].startswith("http:") and not is_loopback(host):
        yield Problem(
            "BASE_URL",
            f"is {values['BASE_URL']!r}",
            "passwords are sent unencrypted, use an https address",
            is_error=False,
        )


def _unencrypted_services(values: Mapping[str, Any]) -> Iterator[Problem]:
    """Find services on other machines that may get passwords and personal data unencrypted."""
    database = values["DATABASE_URL"]
    redis, broker, twilio, slack, sources = (
        urlsplit(values[name])
        for name in (
            "REDIS_URL",
            "CELERY_BROKER_URL",
            "TWILIO_BASE_URL",
            "SLACK_BASE_URL",
            "SOURCES_BASE_URL",
        )
    )
    is_own_broker = values["CELERY_BROKER_URL"] != values["REDIS_URL"] and broker.scheme in {"redis", "amqp"}
    is_encrypted = database.query.get("sslmode") in {"require", "verify-ca", "verify-full"}
    services = (
        ("REDIS_URL", redis.scheme == "redis", redis.hostname, "write rediss://"),
        ("CELERY_BROKER_URL", is_own_broker, broker.hostname, f"write {broker.scheme}s://"),
        ("TWILIO_BASE_URL", twilio.scheme == "http", twilio.hostname, "write https://"),
        ("SLACK_BASE_URL", slack.scheme == "http", slack.hostname, "write https://"),
        ("SOURCES_BASE_URL", sources.scheme == "http", sources.hostname, "write https://"),
        ("DATABASE_URL", not is_encrypted, database.host, "add ?sslmode=verify-full"),
    )
    for name, is_open, host, advice in services:
        # A host that begins with a slash is the folder of a socket on this machine.
        if is_open and host and not host.startswith("/") and not is_loopback(host):
            yield Problem(name, "does not ask for encryption", advice, is_error=False)


def _email_contradictions(values: Mapping[str, Any], given: Mapping[str, str]) -> Iterator[Problem]:
    host, user, password = (
        given.get(name, "") for name in ("EMAIL_HOST", "EMAIL_HOST_USER", "EMAIL_HOST_PASSWORD")
    )
    if user and not password:
        yield Problem("EMAIL_HOST_PASSWORD", "is not set", "write the password of EMAIL_HOST_USER")
    if password and not user:
        yield Problem(
            "EMAIL_HOST_USER", "is not set", "write the user name that EMAIL_HOST_PASSWORD belongs to"
        )
    if (
        values["EMAIL_USE_SSL"]
        and "EMAIL_USE_SSL" in given
        and values["EMAIL_USE_TLS"]
        and "EMAIL_USE_TLS" in given
    ):
        yield Problem(
            "EMAIL_USE_SSL",
            "and EMAIL_USE_TLS are both on",
            "port 465 speaks TLS from the first byte (EMAIL_USE_SSL), port 587 STARTTLS (EMAIL_USE_TLS), leave one out",
        )
    if not host:
        for name in ("EMAIL_PORT", "EMAIL_USE_TLS", "EMAIL_HOST_USER"):
            if name in given:
                yield Problem(name, "has no effect", "set EMAIL_HOST, or leave it out", is_error=False)
        return
    is_encrypted = values["EMAIL_USE_TLS"] or values["EMAIL_USE_SSL"]
    if user and not is_encrypted and not is_loopback(host):
        yield Problem(
            "EMAIL_USE_TLS", "is off", "the password is sent unencrypted, write true", is_error=False
        )
    domain = parseaddr(values["DEFAULT_FROM_EMAIL"])[1].rpartition("@")[2]
    if not is_loopback(host) and "." not in domain:
        yield Problem(
            "DEFAULT_FROM_EMAIL",
            f"is {values['DEFAULT_FROM_EMAIL']}",
            "mail servers refuse senders of this domain, write an address of your own domain",
            is_error=False,
        )


@cache
def _similar_setting(name: str) -> str:
    return next(iter(difflib.get_close_matches(name, SETTINGS, n=1, cutoff=0.85)), "")


def _unknown_names(env: Mapping[str, str]) -> Iterator[Problem]:
    """Find names that look like settings and are not."""
    for name in sorted(set(env) - set(SETTINGS)):
        if not clean(env[name]):
            continue
        if NOT_USED_YET.fullmatch(name):
            yield Problem(name, "is not used by this release", "leave it out", is_error=False)
            continue
        if close := _similar_setting(name.strip("\ufeff ").upper()):
            yield Problem(name, "is not a setting", f"did you mean {close}?")
        elif name.upper().startswith(OUR_PREFIXES):
            yield Problem(name, "is not a setting", "the README lists the settings", is_error=False)


def _secret_key(values: Mapping[str, Any], found: list[Problem], *, tolerant: bool) -> str:
    """Prepare the data folder and return the key that signs sessions and links."""
    url = values["DATABASE_URL"]
    if tolerant:
        return str(values["SECRET_KEY"] or _inspect_data_folder(url, found) or "not for use")
    try:
        data_folder.prepare(url)
        if values["SECRET_KEY"] or values["FLASK_DEBUG"]:
            return str(values["SECRET_KEY"] or "debug")
        return data_folder.read_or_create_key(url)
    except data_folder.DataFolderError as error:
        raise ConfigError(str(error)) from error


def _inspect_data_folder(url: URL, found: list[Problem]) -> str | None:
    try:
        return data_folder.read_key(url)
    except data_folder.DataFolderError as error:
        found.append(Problem(data_folder.KEY_FILE, "cannot be used", str(error)))
        return None


def _flask_settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """Build the configuration from parsed values."""
    named = {setting.key or name: values[name] for name, setting in SETTINGS.items()}
    sender = parseaddr(values["DEFAULT_FROM_EMAIL"])[1]
    is_https, prefix = values["BASE_URL"].startswith("https:"), urlsplit(values["BASE_URL"]).path
    return named | {
        "IS_PUBLIC": is_public(values),
        # For one process with 256 threads: with a pool smaller than the threads in use, requests wait.
        "SQLALCHEMY_ENGINE_OPTIONS": {
            "pool_size": 20,
            "max_overflow": 80,
            # The connection used last: its caches, and on PostgreSQL its plans, are warm. Others only serve bursts.
            "pool_use_lifo": True,
            # Requests that get no connection within these seconds end with a 503 instead of waiting.
            "pool_timeout": 3,
            # Parameters hold password hashes and messages, which must not reach a log.
            "hide_parameters": True,
        },
        "MAIL_USERNAME": values["EMAIL_HOST_USER"] or None,
        "MAIL_PASSWORD": values["EMAIL_HOST_PASSWORD"] or None,
        "VAPID_PRIVATE_KEY": values["VAPID_PRIVATE_KEY"] or _derived_vapid_key(values["SECRET_KEY"]),
        "VAPID_SUBJECT": values["VAPID_SUBJECT"] or f"mailto:{sender}",
        "SESSION_COOKIE_NAME": _cookie_name("bellhop", is_https=is_https, prefix=prefix),
        "BROWSER_COOKIE_NAME": _cookie_name("bellhop_browser", is_https=is_https, prefix=prefix),
        "SESSION_COOKIE_PATH": prefix or "/",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": is_https,
        "PERMANENT_SESSION_LIFETIME": 60 * 60 * 24 * values["SESSION_MAX_DAYS"],
        # A poll that is in flight during sign-out must not restore the old cookie.
        "SESSION_REFRESH_EACH_REQUEST": False,
        # The largest valid body is a batch of 1,000 events; anything larger is refused unread.
        "MAX_CONTENT_LENGTH": 2 * 1024 * 1024,
        "WTF_CSRF_TIME_LIMIT": None,
        # Flask-WTF compares the Referer with the Host header, which a proxy may change and a page may withhold.
        # app/csrf.py compares the origin instead.
        "WTF_CSRF_SSL_STRICT": False,
    }


def _cookie_name(name: str, *, is_https: bool, prefix: str) -> str:
    """Add what keeps other hosts and plain http from setting the cookie (RFC 6265bis, 4.1.3)."""
    if not is_https:
        return name
    return f"__Secure-{name}" if prefix else f"__Host-{name}"


def listening_address(values: Mapping[str, Any], *, anywhere: bool = False) -> str:
    """Return the URL by which a browser on this machine reaches `bin/serve`.

    Args:
        anywhere: name the address that it listens on, even if that stands for all addresses of the machine.
    """
    host = values["HOST"]
    if host in {"0.0.0.0", "::"} and not anywhere:  # noqa: S104  # Compared with, not bound to.
        host = "127.0.0.1"
    return f"http://{f'[{host}]' if ':' in host else host}:{values['PORT']}"


def _derived_vapid_key(secret_key: str) -> str:
    """Derive the private key for push services (RFC 8292), so that machines with one secret key have one push key."""
    seed = hmac.digest(secret_key.encode(), b"bellhop.vapid", "sha256")
    return base64.urlsafe_b64encode(seed).rstrip(b"=").decode()


def table() -> str:
    """Render the table of settings for the README, which a test compares with it."""
    rows = ["| name | default | meaning |", "|---|---|---|"]
    for setting in SETTINGS.values():
        default = setting.computed or (f"`{setting.default}`" if setting.default else "none")
        rows.append(f"| `{setting.name}` | {default} | {setting.about} |")
    return "\n".join(rows)

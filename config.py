"""Reads and checks the settings from the environment and `.env`, once, when the application starts."""

from __future__ import annotations

import base64
import hmac
import os
import re
import secrets
from collections.abc import Mapping
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from dotenv import dotenv_values
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

ROOT = Path(__file__).resolve().parent
TRUE, FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off", ""}


class ConfigError(RuntimeError):
    """A setting is missing or not usable; the message names it and says what to write."""


def environment() -> dict[str, str]:
    """Combine the process environment with the `.env` file beside this module; the environment wins."""
    file = {name: value for name, value in dotenv_values(ROOT / ".env").items() if value is not None}
    return file | os.environ


def load(environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Build Flask's configuration from the settings listed in the README.

    Args:
        environ: the settings; by default, the process environment and `.env`.
    Raises:
        ConfigError: a setting is missing or not usable.
    """
    env = environment() if environ is None else environ
    url = _database_url(env)
    base_url = env.get("BASE_URL") or _listening_address(env)
    if urlsplit(base_url).scheme not in {"http", "https"} or not urlsplit(base_url).hostname:
        raise ConfigError(f"BASE_URL is {base_url!r}: write an address such as https://bellhop.example.com")
    debug = _flag(env, "FLASK_DEBUG", default=False)
    secret_key = env.get("SECRET_KEY") or ("debug" if debug else _generated_key(url))
    return {
        "SECRET_KEY": secret_key,
        "SQLALCHEMY_DATABASE_URI": url,
        # For one process with 256 threads: with a pool smaller than the threads in use, requests wait.
        # Who gets no connection within seconds is told so (503) instead of waiting.
        "SQLALCHEMY_ENGINE_OPTIONS": {"pool_size": 20, "max_overflow": 80, "pool_timeout": 3},
        "BASE_URL": base_url.rstrip("/"),
        "MAIL_SERVER": env.get("EMAIL_HOST", ""),
        "MAIL_PORT": _number(env, "EMAIL_PORT", 587, 1, 65535),
        "MAIL_USE_TLS": _flag(env, "EMAIL_USE_TLS", default=True),
        # TLS from the first byte instead of STARTTLS; it wins over EMAIL_USE_TLS, which is on by default.
        "MAIL_USE_SSL": _flag(env, "EMAIL_USE_SSL", default=env.get("EMAIL_PORT") == "465"),
        "MAIL_USERNAME": env.get("EMAIL_HOST_USER") or None,
        "MAIL_PASSWORD": env.get("EMAIL_HOST_PASSWORD") or None,
        "MAIL_DEFAULT_SENDER": env.get("DEFAULT_FROM_EMAIL") or "Bellhop <bellhop@localhost>",
        "TWILIO_ACCOUNT_SID": env.get("TWILIO_ACCOUNT_SID", ""),
        "TWILIO_AUTH_TOKEN": env.get("TWILIO_AUTH_TOKEN", ""),
        "TWILIO_FROM": env.get("TWILIO_FROM", ""),
        "TWILIO_BASE_URL": (env.get("TWILIO_BASE_URL") or "https://api.twilio.com").rstrip("/"),
        "REDIS_URL": _redis_url(env),
        "VAPID_PRIVATE_KEY": _vapid_key(env, secret_key),
        # The contact for operators of push services (RFC 8292, 2.1).
        "VAPID_SUBJECT": env.get("VAPID_SUBJECT") or f"mailto:{_sender_address(env)}",
        "STATIC_URL": env.get("STATIC_URL", "").rstrip("/"),
        # Read by bin/gunicorn.conf.py; checked here so that an unusable value is reported.
        "BELLHOP_WORKERS": _number(env, "BELLHOP_WORKERS", 1, 1, 64),
        "BELLHOP_DEMO": _flag(env, "BELLHOP_DEMO", default=True),
        "SESSION_COOKIE_NAME": "bellhop",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": base_url.startswith("https:"),
        "PERMANENT_SESSION_LIFETIME": 60 * 60 * 24 * 30,
        # A poll that is in flight during sign-out must not restore the old cookie.
        "SESSION_REFRESH_EACH_REQUEST": False,
        # The largest valid body is a batch of 1,000 events; anything larger is refused unread.
        "MAX_CONTENT_LENGTH": 2 * 1024 * 1024,
        "API_RATE_LIMIT": _rate(env, "API_RATE_LIMIT", "600 per minute"),
        "WTF_CSRF_TIME_LIMIT": None,
        "DEBUG": debug,
    }


def _listening_address(env: Mapping[str, str]) -> str:
    """Return the URL by which a browser on this machine reaches `bin/serve`."""
    host = env.get("HOST") or "127.0.0.1"
    host = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104  # Compared with, not bound to.
    return f"http://{f'[{host}]' if ':' in host else host}:{env.get('PORT') or '5000'}"


def _database_url(env: Mapping[str, str]) -> URL:
    text = env.get("DATABASE_URL") or f"sqlite:///{ROOT / 'instance' / 'bellhop.db'}"
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise ConfigError(
            "DATABASE_URL cannot be read: write sqlite:////path/to/file.db or postgresql://user@host/name"
        ) from error
    if url.get_backend_name() in {"postgres", "postgresql"}:
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() != "sqlite":
        raise ConfigError(
            f"DATABASE_URL names {url.get_backend_name()!r}: Bellhop runs on sqlite and postgresql"
        )
    if not url.database or url.database == ":memory:":
        raise ConfigError(
            "DATABASE_URL names a database in memory, which every thread would see empty: name a file"
        )
    path = Path(url.database) if Path(url.database).is_absolute() else ROOT / url.database
    path.parent.mkdir(parents=True, exist_ok=True)
    return url.set(database=str(path))


def _redis_url(env: Mapping[str, str]) -> str:
    url = env.get("REDIS_URL", "")
    if url and urlsplit(url).scheme not in {"redis", "rediss", "unix"}:
        raise ConfigError("REDIS_URL cannot be read: write redis://host:6379/0")
    return url


def _generated_key(url: URL) -> str:
    """Read the generated key beside the database; the first process creates it."""
    folder = Path(str(url.database)).parent if url.get_backend_name() == "sqlite" else ROOT / "instance"
    path = folder / "secret_key"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        # Written to a temporary file and linked into place: other processes see the whole key or none.
        draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(48))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # Another process was first; its key is used.
        finally:
            draft.unlink()
    return path.read_text().strip()


def _vapid_key(env: Mapping[str, str], secret_key: str) -> str:
    """Return the private key for push services (RFC 8292): 32 bytes in base64url.

    The default is derived from the secret key, so that machines with the same secret key have the same push key.
    """
    seed = hmac.digest(secret_key.encode(), b"bellhop.vapid", "sha256")
    key = env.get("VAPID_PRIVATE_KEY") or base64.urlsafe_b64encode(seed).rstrip(b"=").decode()
    try:
        number = int.from_bytes(base64.b64decode(key + "=" * (-len(key) % 4), b"-_", validate=True), "big")
        ec.derive_private_key(number, ec.SECP256R1())
    except ValueError as error:
        raise ConfigError(
            "VAPID_PRIVATE_KEY cannot be used: write a P-256 private key, 32 bytes in base64url"
        ) from error
    return key


def _sender_address(env: Mapping[str, str]) -> str:
    return parseaddr(env.get("DEFAULT_FROM_EMAIL", ""))[1] or "bellhop@localhost"


def _flag(env: Mapping[str, str], name: str, *, default: bool) -> bool:
    value = env.get(name)
    if value is None:
        return default
    if value.lower() in TRUE | FALSE:
        return value.lower() in TRUE
    raise ConfigError(f"{name} is {value!r}: write true or false")


def _rate(env: Mapping[str, str], name: str, default: str) -> tuple[int, int]:
    """Parse a rate limit into a number of calls and a number of seconds."""
    value = env.get(name) or default
    match = re.fullmatch(r"([1-9]\d{0,8})\s*(?:per|/)\s*(second|minute|hour|day)s?", value.strip(), re.ASCII)
    if match is None:
        raise ConfigError(f"{name} is {value!r}: write a limit such as 600 per minute")
    return int(match[1]), {"second": 1, "minute": 60, "hour": 3600, "day": 86400}[match[2]]


def _number(env: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    value = env.get(name) or str(default)
    if not value.isascii() or not value.isdigit() or not low <= int(value) <= high:
        raise ConfigError(f"{name} is {value!r}: write a whole number from {low} to {high}")
    return int(value)

"""Checks an installation for `flask doctor`, without changing or sending anything."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import urllib.error
import urllib.request
import zoneinfo
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

import config as settings
import data_folder
from app import canonical_addresses
from app.channels import email, slack
from app.channels.base import DeliveryError
from app.clock import utc_now
from app.database.base import db
from app.models import JobRun, User
from app.services.accounts import demo_people
from app.services.operations import health, job_runs, migrations
from app.services.operations.job_runs import ScheduledJob

MB = 1024 * 1024
SECONDS = 5
# The most that clocks may differ before times in the database are wrong for people, and for our own decisions.
SMALL_DIFFERENCE, LARGE_DIFFERENCE = timedelta(seconds=5), timedelta(minutes=1)


@dataclass(frozen=True)
class Finding:
    """The result of one check. `advice` says what to do; it is empty if there is nothing to do."""

    subject: str
    detail: str
    advice: str = ""
    is_error: bool = False


def examine(
    config: Mapping[str, Any], schedule: Mapping[str, ScheduledJob], now: datetime | None = None
) -> Iterator[Finding]:
    """Check the settings, the data folder, the database, what is configured to send, Redis, the address, the schedule.

    A check that needs a wrong setting is skipped.

    Args:
        config: the application's configuration, loaded with `tolerant`.
        schedule: the jobs that should run.
    """
    now = now or utc_now()
    problems = config["SETTING_PROBLEMS"]
    wrong = {problem.name for problem in problems if problem.is_error}
    yield from (Finding(p.name, p.detail, _sentence(p.advice), p.is_error) for p in problems)
    if not problems:
        yield Finding(_("Settings"), _("are valid"))
    yield from _check_time_zones()
    if not wrong & {"DATABASE_URL", ".env"}:
        yield from _check_data_folder(db.engine.url)
        yield from _check_database(config, schedule, now)
    if not any(name.startswith(("EMAIL_", "DEFAULT_FROM")) for name in wrong):
        yield _check_mail(config)
    if config["SLACK_BOT_TOKEN"] and not any(name.startswith("SLACK_") for name in wrong):
        yield _check_slack()
    if config["REDIS_URL"] and "REDIS_URL" not in wrong:
        yield _check_redis(config["REDIS_URL"])
    if config["CELERY_BROKER_URL"] and not wrong & {"CELERY_BROKER_URL", "REDIS_URL"}:
        yield _check_broker(now)
    if not wrong & {"HOST", "PORT", "BASE_URL"}:
        yield from _check_address(config)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}{'' if text.endswith('?') else '.'}"


def _check_time_zones() -> Iterator[Finding]:
    try:
        zoneinfo.ZoneInfo("Europe/Paris")
    except zoneinfo.ZoneInfoNotFoundError:
        yield Finding(_("Time zones"), _("no data found"), _("Install the tzdata package."), is_error=True)


def _check_data_folder(url: URL) -> Iterator[Finding]:
    folder, subject = data_folder.folder_of(url), _("Data folder")
    if trouble := data_folder.problem(url):
        yield Finding(subject, str(folder), trouble, is_error=True)
        return
    if not folder.exists():
        return
    if (folder / data_folder.REPLACED_KEY_FILE).exists():
        yield Finding(
            "SECRET_KEY",
            _("was generated again on %(when)s, although accounts existed", when=_replaced_at(folder)),
            _(
                "Put the old secret_key back, or delete %(file)s if it is lost: then everyone signs in again.",
                file=folder / data_folder.REPLACED_KEY_FILE,
            ),
        )
    free = shutil.disk_usage(folder).free
    if free < 500 * MB:
        yield Finding(
            subject,
            _("only %(free)s MB free on the disk of %(folder)s", free=free // MB, folder=folder),
            _("Free some space."),
            is_error=free < 50 * MB,
        )
    for path in data_folder.files_open_to_others(url):
        yield Finding(
            subject,
            _("other users can read %(path)s", path=path),
            _("Restart Bellhop, or run chmod go= on it."),
        )


def _replaced_at(folder: Path) -> str:
    with suppress(OSError):
        return (folder / data_folder.REPLACED_KEY_FILE).read_text(encoding="utf-8").strip()
    return "?"


def _check_database(
    config: Mapping[str, Any], schedule: Mapping[str, ScheduledJob], now: datetime
) -> Iterator[Finding]:
    subject, url = _("Database"), db.engine.url
    if db.engine.dialect.name == "sqlite" and not Path(str(url.database)).is_file():
        yield Finding(
            subject,
            _("%(file)s does not exist yet", file=url.database),
            _("Run: flask db upgrade"),
            is_error=True,
        )
        return
    try:
        version = migrations.schema_version()
    except SQLAlchemyError as error:
        yield Finding(subject, migrations.explain_outage(error), is_error=True)
        return
    yield Finding(subject, f"{db.engine.dialect.name}: {version}", version.advice, not version.is_current)
    if not version.is_current:
        return
    try:
        yield from _check_clock(now)
        yield from _check_accounts(config)
        yield _check_schedule(config, schedule, now)
    except SQLAlchemyError as error:
        yield Finding(subject, migrations.explain_outage(error), _("Run flask doctor again."), is_error=True)


def _check_clock(now: datetime) -> Iterator[Finding]:
    """Compare our clock with the database server's, or with what our clock said when the last job began."""
    subject, advice = (
        _("Clock"),
        _("Let NTP set the clocks of both machines, such as with timedatectl set-ntp true."),
    )
    if db.engine.dialect.name == "postgresql":
        difference = abs(db.session.scalars(select(func.clock_timestamp())).one() - now)
        detail = _(
            "differs from the database server's by %(seconds)s seconds",
            seconds=int(difference.total_seconds()),
        )
    else:
        newest = db.session.scalar(select(func.max(JobRun.started_at)))
        difference = max(timedelta(0), newest - now) if newest else timedelta(0)
        detail = _("is %(seconds)s seconds behind the last job", seconds=int(difference.total_seconds()))
        advice = _("Let NTP set the clock of this machine, such as with timedatectl set-ntp true.")
    if difference > SMALL_DIFFERENCE:
        yield Finding(subject, detail, advice, difference > LARGE_DIFFERENCE)


def _check_accounts(config: Mapping[str, Any]) -> Iterator[Finding]:
    subject = _("Accounts")
    accounts = db.session.execute(select(User.email, User.role, User.time_zone).where(User.is_enabled)).all()
    for account in accounts:
        # Two spellings of one address: no sign-in reaches the other one.
        if (canonical := canonical_addresses.key(account.email)) != account.email:
            yield Finding(
                subject,
                _(
                    "%(email)s is another spelling of %(canonical)s.",
                    email=account.email,
                    canonical=canonical,
                ),
                _("Deactivate one of the two accounts, or give it another address in the database."),
                is_error=True,
            )
    if not any(account.role == "admin" for account in accounts):
        yield Finding(
            _("Admins"), _("there are none"), _("Run: flask users create EMAIL --name NAME --role admin")
        )
    if config["IS_PUBLIC"]:
        yield from _check_demo(config)
    for zone in sorted({account.time_zone for account in accounts}):
        try:
            zoneinfo.ZoneInfo(zone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError):
            yield Finding(
                _("Time zones"),
                _("%(zone)s is not known to this system", zone=zone),
                _("Install the tzdata package."),
                is_error=True,
            )


def _check_demo(config: Mapping[str, Any]) -> Iterator[Finding]:
    """Find the demo on a server that others can reach. Its password is published."""
    if config["BELLHOP_DEMO"]:
        yield Finding(
            "BELLHOP_DEMO",
            _("is on, and others can reach this server."),
            _("Set BELLHOP_DEMO=0."),
            is_error=True,
        )
    if people := demo_people.list_enabled():
        yield Finding(
            _("Demo"),
            _(
                "These accounts have a published password, so they cannot sign in here: %(emails)s.",
                emails=", ".join(people),
            ),
            _("Deactivate them under Admin → People, or start again with an empty database."),
            is_error=True,
        )


def _check_schedule(
    config: Mapping[str, Any], schedule: Mapping[str, ScheduledJob], now: datetime
) -> Finding:
    subject = _("Scheduler")
    if not _is_listening(config):
        return Finding(subject, _("was not checked, because no server is running"))
    late = job_runs.late_jobs(schedule, now)
    if not late:
        return Finding(subject, _("runs its jobs on time"))
    return Finding(
        subject,
        _("late jobs: %(names)s", names=", ".join(late)),
        _("Restart bin/serve, or start flask scheduler and flask worker. The log says why they ended."),
        is_error=True,
    )


def _check_mail(config: Mapping[str, Any]) -> Finding:
    subject = _("Email")
    if not config["MAIL_SERVER"]:
        return Finding(
            subject, _("EMAIL_HOST is not set: emails are captured and shown under Admin → Deliveries.")
        )
    try:
        response = email.check()
    except DeliveryError as error:
        return Finding(
            subject,
            str(error),
            _(
                "Check EMAIL_HOST, EMAIL_PORT, EMAIL_USE_SSL, EMAIL_USE_TLS, EMAIL_HOST_USER, EMAIL_HOST_PASSWORD "
                "and DEFAULT_FROM_EMAIL."
            ),
            is_error=True,
        )
    return Finding(subject, response)


def _check_slack() -> Finding:
    try:
        return Finding("Slack", _("the bot is signed in: %(name)s", name=slack.check_bot()))
    except DeliveryError as error:
        return Finding(
            "Slack", str(error), _("Check SLACK_BOT_TOKEN and the scopes of the bot."), is_error=True
        )


def _check_redis(url: str) -> Finding:
    # Imported here, because an installation without Redis need not load its client.
    from app.services.operations.rate_counter import CounterUnavailable, SharedCounter

    try:
        SharedCounter(url).check()
    except CounterUnavailable as error:
        return Finding(
            "Redis", str(error), _("Check REDIS_URL and that the server is running."), is_error=True
        )
    return Finding("Redis", _("responds: all processes share their API rate limits"))


def _check_broker(now: datetime) -> Finding:
    subject = _("Message broker")
    try:
        trouble = health.broker_problem(now)
    except SQLAlchemyError:
        return Finding(subject, _("responds. Its workers are unknown while the database cannot be read."))
    if trouble is None:
        return Finding(subject, _("responds, and each queue has a worker"))
    word, detail = trouble
    if word == "away":
        return Finding(
            subject, detail, _("Check CELERY_BROKER_URL and that the server is running."), is_error=True
        )
    return Finding(subject, detail, _("Start bin/worker on this machine or another."))


def _check_address(config: Mapping[str, Any]) -> Iterator[Finding]:
    """Request BASE_URL as browsers do, but only while a server is running."""
    subject, url = "BASE_URL", f"{config['BASE_URL']}/healthz"
    if not _is_listening(config):
        yield Finding(
            subject, _("%(url)s was not checked, because no server is running", url=config["BASE_URL"])
        )
        return
    local = settings.listening_address(config)
    is_ours = False
    with suppress(OSError):
        is_ours = _is_bellhop(f"{local}/healthz")
    if not is_ours:
        yield Finding(
            "PORT",
            _("another program is using %(url)s", url=local),
            _("Stop it, or choose another PORT."),
            is_error=True,
        )
        return
    try:
        answers = _is_bellhop(url)
    except OSError as error:
        reason = getattr(error, "reason", None) or error
        yield Finding(
            subject,
            _("%(url)s cannot be reached from this machine: %(reason)s", url=url, reason=reason),
            _("Open it in a browser. If it does not load, check the name, the proxy and its certificate."),
        )
        return
    if answers:
        yield Finding(subject, _("%(url)s responds", url=config["BASE_URL"]))
        return
    is_path = bool(urlsplit(config["BASE_URL"]).path)
    yield Finding(
        subject,
        _("%(url)s does not lead to this server", url=url),
        _("Check the path in BASE_URL and what the proxy does with it.")
        if is_path
        else _("Check BASE_URL and where the proxy sends it."),
        is_error=True,
    )


def _is_listening(config: Mapping[str, Any]) -> bool:
    parts = urlsplit(settings.listening_address(config))
    try:
        socket.create_connection((str(parts.hostname), parts.port or 0), timeout=SECONDS).close()
    except OSError:
        return False
    return True


def _is_bellhop(url: str) -> bool:
    """Whether the server at a URL is ours. Raises OSError if none responds."""
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as response:  # noqa: S310  # An http address, as parsed.
            return bool(json.loads(response.read(1000)) == {"status": "ok"})
    except (urllib.error.HTTPError, http.client.HTTPException, ValueError):
        return False

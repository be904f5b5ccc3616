"""`flask jobs run`, `flask scheduler`, `flask worker`: run one job, or the schedule in a separate process."""

from __future__ import annotations

import signal
import threading
from collections.abc import Collection
from datetime import datetime

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

from app import jobs, telemetry
from app.cli.commands import Command, Group
from app.jobs import scheduler as jobs_scheduler
from app.jobs import stopping
from app.services.base import validation

group = Group("jobs", help="Scheduled jobs.")


class Instant(click.ParamType[datetime]):
    """A time in RFC 3339 format, with its offset."""

    name = "RFC3339"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            instant = validation.in_a_usable_year(datetime.fromisoformat(value))
        except (ValueError, validation.InvalidValue):
            instant = None
        if instant is None or instant.tzinfo is None:
            self.fail("write a time with its offset, such as 2026-03-12T08:00:00+01:00", param, ctx)
        return instant


@group.command("run")
@click.argument("name", type=click.Choice(sorted(jobs.SCHEDULE)))
@click.option("--at", type=Instant(), help="Act as if it were this time.")
def run(name: str, at: datetime | None) -> None:
    """Run a job once, now. Exit with 1 if it fails."""
    count = jobs_scheduler.run_now(jobs.SCHEDULE[name], at, _print_progress)
    if count is None:
        raise click.ClickException(f"{name} failed; the log above says why.")
    click.echo(f"{name}: {count}")


def _print_progress(done: int, total: int) -> None:
    """Print progress on standard error, apart from the result."""
    click.echo(f"{done:,} of {total:,}", err=True)


@click.command("worker", cls=Command)
@with_appcontext
def worker() -> None:
    """Send what is due until stopped."""
    _run_until_stopped("worker", ["deliver", "sweep"])


@click.command("scheduler", cls=Command)
@with_appcontext
def scheduler() -> None:
    """Run all jobs except sending, which workers do. With a broker, "deliver" tells them what is due."""
    has_broker = bool(current_app.config["CELERY_BROKER_URL"])
    _run_until_stopped("scheduler", [name for name in jobs.SCHEDULE if has_broker or name != "deliver"])


def _run_until_stopped(role: str, names: Collection[str]) -> None:
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 (threads need the object itself)
    stop_requested = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop_requested.set())
    telemetry.start(app, role)
    running = jobs.start(app, names)
    stop_requested.wait()
    stopping.exit_after(stopping.SECONDS)
    running.stop()
    telemetry.stop(app)

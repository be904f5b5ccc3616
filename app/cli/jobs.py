"""`flask jobs run`, `flask scheduler`, `flask worker`: the timetable by hand and as processes of their own."""

from __future__ import annotations

import signal
import threading
from collections.abc import Collection
from datetime import datetime

import click
from flask import Flask, current_app
from flask.cli import AppGroup, with_appcontext

from app import jobs
from app.jobs import scheduler as jobs_scheduler

group = AppGroup("jobs", help="Jobs of the timetable.")


class Instant(click.ParamType[datetime]):
    """A time as RFC 3339 writes it, with its offset."""

    name = "RFC3339"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            instant = datetime.fromisoformat(value)
        except ValueError:
            instant = None
        if instant is None or instant.tzinfo is None:
            self.fail("write a time with its offset, such as 2026-03-12T08:00:00+01:00", param, ctx)
        return instant


@group.command("run")
@click.argument("name", type=click.Choice(sorted(jobs.SCHEDULE)))
@click.option("--at", type=Instant(), help="Act as if it were this time.")
def run(name: str, at: datetime | None) -> None:
    """Run one job once, now; exit with 1 where it fails."""
    count = jobs_scheduler.run_now(jobs.SCHEDULE[name], at, _say)
    if count is None:
        raise click.ClickException(f"{name} failed; the log above says why.")
    click.echo(f"{name}: {count}")


def _say(done: int, total: int) -> None:
    """Progress goes beside the answer, not into it."""
    click.echo(f"{done:,} of {total:,}", err=True)


@click.command("worker")
@with_appcontext
def worker() -> None:
    """Send what is due until told to stop."""
    _keep(["deliver", "sweep"])


@click.command("scheduler")
@with_appcontext
def scheduler() -> None:
    """Keep the timetable, and leave the sending to workers."""
    _keep([name for name in jobs.SCHEDULE if name != "deliver"])


def _keep(names: Collection[str]) -> None:
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 (threads need the object itself)
    told_to_stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: told_to_stop.set())
    kept = jobs.start(app, names)
    told_to_stop.wait()
    kept.stop()

"""Jobs and their runs in words: what came of a run, how long ago it was, and how often the job runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from flask_babel import LazyString, format_decimal, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

if TYPE_CHECKING:
    from app.models import JobRun

# The tone of each state's tag, and its label.
STATES: dict[str, tuple[str, LazyString]] = {
    "asked": ("info", _l("Queued")),
    "running": ("info", _l("Running")),
    "stopped": ("bad", _l("Interrupted")),
    "succeeded": ("ok", _l("Done")),
    "held_up": ("warn", _l("Messages waiting")),
    "failed": ("bad", _l("Failed")),
}
# What a job counts, for each job; others count things that were processed.
COUNTS: dict[str, Callable[[int], str]] = {
    "deliver": lambda n: ngettext("%(n)s message", "%(n)s messages", n, n=format_decimal(n)),
    "sweep": lambda n: ngettext("%(n)s returned", "%(n)s returned", n, n=format_decimal(n)),
    "announcements": lambda n: ngettext("%(n)s created", "%(n)s created", n, n=format_decimal(n)),
    "reminders": lambda n: ngettext("%(n)s created", "%(n)s created", n, n=format_decimal(n)),
    "daily-digest": lambda n: ngettext("%(n)s created", "%(n)s created", n, n=format_decimal(n)),
    "weekly-summary": lambda n: ngettext("%(n)s created", "%(n)s created", n, n=format_decimal(n)),
    "retention": lambda n: ngettext("%(n)s deleted", "%(n)s deleted", n, n=format_decimal(n)),
}
# In seconds; rounded, less would be nothing.
SHORTEST = 0.01
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


class ListedJob(Protocol):
    """The part of a job that pages need; views do not import jobs."""

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> LazyString: ...

    @property
    def about(self) -> LazyString: ...

    @property
    def every(self) -> timedelta: ...

    @property
    def is_frequent(self) -> bool: ...

    def slot(self, now: datetime) -> datetime: ...

    def next_at(self, now: datetime) -> datetime: ...


@dataclass(frozen=True)
class RunRow:
    """A run in words; `state` is a key of STATES."""

    run: JobRun
    state: str
    outcome: str
    duration: str


@dataclass(frozen=True)
class JobRow:
    """A job with its newest run, None before the first. `last` and `interval` are its health in words."""

    job: ListedJob
    last_run: RunRow | None
    last: str
    interval: str
    next_at: datetime | None
    is_late: bool


def build_row(
    job: ListedJob, run: JobRun | None, now: datetime, *, is_late: bool, is_held_up: bool = False
) -> JobRow:
    """Describe a job.

    Args:
        is_held_up: whether it could do nothing, because a channel is down.
    """
    return JobRow(
        job,
        describe_run(run, now, is_held_up=is_held_up) if run else None,
        ago(now - run.started_at) if run else _("never"),
        describe_interval(job.every),
        None if job.is_frequent else job.next_at(now),
        is_late,
    )


def describe_run(run: JobRun, now: datetime, *, is_held_up: bool = False) -> RunRow:
    """Describe a run. One whose lease has ended was interrupted."""
    state = run.state
    if state == "running" and run.lease_until and run.lease_until < now:
        state = "stopped"
    if state == "succeeded" and is_held_up:
        state = "held_up"  # The run did what it could, which was nothing.
    return RunRow(run, state, _outcome(run, state), _duration(run))


def ago(span: timedelta) -> str:
    """Format how long ago a run began: "20 s ago", "3 min ago", "5 h ago", "2 days ago"."""
    if span < MINUTE:
        return _("%(n)s s ago", n=max(0, int(span.total_seconds())))
    if span < HOUR:
        return _("%(n)s min ago", n=span // MINUTE)
    if span < DAY:
        return _("%(n)s h ago", n=span // HOUR)
    return ngettext("%(num)d day ago", "%(num)d days ago", span // DAY)


def describe_interval(every: timedelta) -> str:
    """Say how often a job runs: "every second", "every 15 minutes", "every day"."""
    if every < MINUTE:
        return ngettext("every second", "every %(num)d seconds", int(every.total_seconds()))
    if every < HOUR:
        return ngettext("every minute", "every %(num)d minutes", every // MINUTE)
    if every < DAY:
        return ngettext("every hour", "every %(num)d hours", every // HOUR)
    return ngettext("every day", "every %(num)d days", every // DAY)


def _outcome(run: JobRun, state: str) -> str:
    if state not in {"succeeded", "held_up"}:
        return run.error[:300]
    if not run.count:
        return _("Nothing to do")
    if run.name in COUNTS:
        return COUNTS[run.name](run.count)
    return _("%(count)s processed", count=format_decimal(run.count))


def _duration(run: JobRun) -> str:
    if run.finished_at is None:
        return ""
    seconds = (run.finished_at - run.started_at).total_seconds()
    if seconds < SHORTEST:
        return _("under %(n)s s", n=format_decimal(SHORTEST))
    return _("%(n)s s", n=format_decimal(round(seconds, 2)))

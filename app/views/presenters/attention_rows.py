"""Rows of the overview: a sentence for each problem, and the page on which to solve it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flask import url_for
from flask_babel import format_decimal, ngettext
from flask_babel import gettext as _

from app import catalog
from app.services.overview.attention import Attention
from app.views.web.datetime_filters import long_time


@dataclass(frozen=True)
class AttentionRow:
    """A sentence with details, and a link that is named for what it leads to. `tone` is "bad" or "warn"."""

    tone: str
    title: str
    detail: str
    url: str = ""
    link: str = ""
    is_english: bool = False


def build_rows(found: Attention) -> list[AttentionRow]:
    """Build a row for everything that needs attention, the worst first."""
    rows = [
        *_database(found),
        *_outages(found),
        *_jobs(found),
        *_deliveries(found),
        *_sources(found),
        *_settings(found),
    ]
    return sorted(rows, key=lambda row: row.tone != "bad")


def _database(found: Attention) -> Iterator[AttentionRow]:
    if not found.version.is_current:
        yield AttentionRow("bad", str(found.version), found.version.advice)


def _outages(found: Attention) -> Iterator[AttentionRow]:
    for outage in found.outages.values():
        channel, since = catalog.CHANNELS[outage.channel].label, long_time(outage.began_at)
        title = _("%(channel)s has not been sent since %(since)s", channel=channel, since=since)
        url = url_for("deliveries.index", channel=outage.channel, outcome=["waiting", "retrying"])
        yield AttentionRow("bad", title, outage.detail, url, _("Waiting messages"))


def _jobs(found: Attention) -> Iterator[AttentionRow]:
    url, link = url_for("jobs.index"), _("Jobs")
    if found.broker:
        yield AttentionRow("bad", _("Messages don't reach the workers"), found.broker, url, link)
    if found.is_stopped:
        advice = _("Start it with bin/serve or flask scheduler.")
        yield AttentionRow("bad", _("No scheduler is running"), advice, url, link)
        return
    if found.late_jobs:
        names = ", ".join(found.late_jobs)
        title = ngettext("%(num)d job is late", "%(num)d jobs are late", len(found.late_jobs))
        yield AttentionRow("bad", title, names, url, link)
    for run in found.failed_jobs:
        title = _("The last run of %(name)s failed", name=run.name)
        yield AttentionRow("bad", title, run.error[:300], url, link)


def _deliveries(found: Attention) -> Iterator[AttentionRow]:
    if found.failed:
        title = ngettext(
            "%(n)s delivery failed", "%(n)s deliveries failed", found.failed, n=format_decimal(found.failed)
        )
        url = url_for("deliveries.index", outcome="failed")
        yield AttentionRow("bad", title, _("In the last 24 hours."), url, _("Failed deliveries"))
    if found.suppressed:
        title = ngettext(
            "%(n)s address is blocked",
            "%(n)s addresses are blocked",
            found.suppressed,
            n=format_decimal(found.suppressed),
        )
        detail = _("Nothing is sent to a blocked address. Unblock those that work again.")
        yield AttentionRow("warn", title, detail, url_for("deliveries.suppressed"), _("Blocked addresses"))


def _sources(found: Attention) -> Iterator[AttentionRow]:
    url, link = url_for("admin_sources.index"), _("Sources")
    if found.failed_calls:
        title = ngettext(
            "%(n)s call from another system failed",
            "%(n)s calls from other systems failed",
            found.failed_calls,
            n=format_decimal(found.failed_calls),
        )
        yield AttentionRow("bad", title, _("In the last 24 hours."), url, link)
    if found.waiting_calls:
        title = ngettext(
            "%(n)s call from another system is waiting",
            "%(n)s calls from other systems are waiting",
            found.waiting_calls,
            n=format_decimal(found.waiting_calls),
        )
        yield AttentionRow("warn", title, _("For more than five minutes."), url, link)
    if found.unmatched:
        title = ngettext(
            "%(n)s person from another system has no account here",
            "%(n)s people from other systems have no account here",
            found.unmatched,
            n=format_decimal(found.unmatched),
        )
        yield AttentionRow("warn", title, _("They get no notifications until you match them."), url, link)


def _settings(found: Attention) -> Iterator[AttentionRow]:
    for problem in found.settings:
        advice = f"{problem.advice[:1].upper()}{problem.advice[1:].rstrip('.')}."
        yield AttentionRow("warn", f"{problem.name} {problem.detail}", advice, is_english=True)

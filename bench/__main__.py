"""`bin/bench [--quick] [--database NAME | --cluster] [NAME …]`: run the measurements and print a line for each.

A line begins with the ratio of two numbers that were measured in turn: the median of the rounds, the range of their
middle half, and the limit; `!` marks a ratio that misses it. Costs should be low (≤), rates high (≥). Then come the
machine's load, what is compared, and the medians. Other load slows pages down more than a bare page, so the ratios of
the calls are valid only on a quiet machine.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median, quantiles

from bench import calls, digests, http, inbox, inprocess, load, outbox, streams, tabs
from bench.rounds import DATABASES, Case

# Many short ones: the median of their ratios is stable even if the rates are not.
ROUNDS, QUICK_ROUNDS = 15, 3
# Measured on each database, as the calls are.
WORK = {
    "growth": calls.compare_growth,
    "event": inprocess.event_cost,
    "mark-all": inbox.mark_all_cost,
    "tabs": tabs.cpu_share,
    "tabs-page": tabs.page_time,
}
ON_SQLITE = {
    "unread-count": http.unread_count,
    "list": http.list_of_50,
    "deep-table": http.list_among_a_million,
    "create": inprocess.create_by_event,
    "fanout": inprocess.fan_out,
    "fanout-large": inprocess.fan_out_among_a_million,
    "fanout-peer": inprocess.fan_out_and_peer,
    "outbox": outbox.outbox,
    "outbox-peer": outbox.outbox_and_peer,
    "digest-settle": digests.settle_digests,
    "digest-send": digests.send_digests,
    "streams-list": streams.list_time,
    "streams-event": streams.event_time,
    "streams-announcement": streams.announcement_time,
    "streams-memory": streams.memory,
    "inbox-first": inbox.first_page,
    "inbox-deep": inbox.deep_page,
    "inbox-json": inbox.api_list,
    "inbox-stacked": inbox.stacked,
    "inbox-search": inbox.search,
    "inbox-counts": inbox.sidebar_counts,
    "inbox-mark-all": inbox.mark_all,
}


def main(arguments: Sequence[str]) -> int:
    """Run the chosen measurements, or put a load on a server; returns the exit code."""
    if arguments[:1] == ["load"]:
        return load.main(arguments[1:])
    options = parse(arguments)
    cases = find_cases(options)
    if not cases:
        print(f"Unknown measurement. Choose from: {', '.join(find_cases(parse([])))}")
        return 2
    print(
        f"{'measurement':<29} {'ratio':>7} {'middle half':>14} {'wanted':>7}   load   what is compared, and medians"
    )
    # Servers and scratch databases go with the run, also if it is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    met = [_run(name, make, options.rounds) for name, make in cases.items()]
    others = "" if all(met) else " The others are marked with an exclamation mark."
    print(f"{met.count(True)} of {len(met)} ratios are within their limits.{others}")
    return int(not all(met))


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line. Raises SystemExit: an option is unknown."""
    parser = argparse.ArgumentParser(prog="bin/bench", description=__doc__.partition("\n\n")[0])
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="measurements whose names begin so, by default all; an unknown name lists them",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help=f"the calls only, unless named, {calls.QUICK_ROWS:,} rows, few rounds",
    )
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--database", choices=DATABASES, help="only calls on this database")
    only.add_argument(
        "--cluster",
        action="store_true",
        help="only the calls on PostgreSQL, served by two processes with a Redis",
    )
    options = parser.parse_args(arguments)
    options.rounds = QUICK_ROUNDS if options.quick else ROUNDS
    return options


def all_cases(*, is_quick: bool, is_cluster: bool) -> dict[str, Callable[[], Case]]:
    """Return every measurement by name; the calls can be quick, or to a cluster."""
    on_each: dict[str, Callable[[str], Case]] = {
        call.name: partial(calls.compare, call, is_quick=is_quick, is_cluster=is_cluster)
        for call in calls.CALLS
    }
    on_each |= WORK
    return {
        f"{name}/{database}": partial(make, database)
        for database in DATABASES
        for name, make in on_each.items()
    } | ON_SQLITE


def find_cases(options: argparse.Namespace) -> dict[str, Callable[[], Case]]:
    """Return the measurements that the command line asks for."""
    found = all_cases(is_quick=options.quick, is_cluster=options.cluster)
    if options.cluster or (options.quick and not options.names):
        of_calls = {f"{call.name}/{database}" for database in DATABASES for call in calls.CALLS}
        found = {name: make for name, make in found.items() if name in of_calls}
    if database := "postgresql" if options.cluster else options.database:
        found = {name: make for name, make in found.items() if name.endswith(f"/{database}")}
    if options.names:
        found = {name: make for name, make in found.items() if name.startswith(tuple(options.names))}
    return found


def _run(name: str, make: Callable[[], Case], rounds: int) -> bool:
    """Measure and print one line; returns whether the ratio is as wanted."""
    with make() as case:
        case.prepare()
        if not case.is_long:
            case.ours(), case.floor()  # Warm up.
        pairs = []
        for number in range(2 if case.is_long else rounds):
            pairs.append(_pair(case, number))
            case.beside()
    ratios = [ours / floor for ours, floor in pairs]
    ratio, (low, _middle, high) = median(ratios), quantiles(ratios, n=4)
    ours, floor = (median(values) for values in zip(*pairs, strict=True))
    is_met = case.wanted.is_met(ratio)
    print(
        f"{name:<29} {ratio:>6.2f}{' ' if is_met else '!'} {f'{low:.2f} to {high:.2f}':>14} {case.wanted!s:>7}"
        f"   {os.getloadavg()[0]:>4.1f}   {case.about}: {_short(ours)} / {_short(floor)}{case.notes()}",
        flush=True,
    )
    return is_met


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def _pair(case: Case, number: int) -> tuple[float, float]:
    """Both numbers, one right after the other: whatever else the machine does, it does to both.

    The baseline goes first every second time, so that a machine that slows down favours neither.
    """
    if number % 2:
        floor = case.floor()
        return case.ours(), floor
    return case.ours(), case.floor()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

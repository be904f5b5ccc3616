"""`bin/bench [NAME …]`: run the measurements and print one line of ratios for each."""

from __future__ import annotations

import sys
from collections.abc import Callable
from statistics import median, quantiles

from bench import http, inbox, inprocess, outbox, streams
from bench.rounds import Case

# Many short ones: the median of their ratios stands still where the rates themselves do not.
ROUNDS = 15
CASES: dict[str, Callable[[], Case]] = {
    "unread-count": http.unread_count,
    "list": http.list_of_50,
    "deep-table": http.list_among_a_million,
    "create": inprocess.create_by_event,
    "fanout": inprocess.fan_out,
    "outbox": outbox.outbox,
    "streams": streams.beside_streams,
    "inbox-first": inbox.first_page,
    "inbox-deep": inbox.deep_page,
    "inbox-json": inbox.api_list,
    "inbox-stacked": inbox.stacked,
    "inbox-search": inbox.search,
    "inbox-counts": inbox.sidebar_counts,
    "inbox-mark-all": inbox.mark_all,
}


def main(names: list[str]) -> int:
    """Run the cases whose names begin so, or all; answers the exit code."""
    chosen = [each for each in CASES if not names or any(each.startswith(name) for name in names)]
    if not chosen:
        print(f"There is no such measurement. Choose from: {', '.join(CASES)}")
        return 2
    missed = 0
    print(
        f"{'measurement':<14} {'ratio':>6} {'middle half':>13} {'wanted':>7}   what is compared, and medians a second"
    )
    for name in chosen:
        with CASES[name]() as case:
            case.ours(), case.floor()  # warmed up
            pairs = [_pair(case, number) for number in range(ROUNDS)]
        ratios = [ours / floor for ours, floor in pairs]
        ratio, (low, _middle, high) = median(ratios), quantiles(ratios, n=4)
        ours, floor = (median(values) for values in zip(*pairs, strict=True))
        missed += ratio < case.wanted
        print(
            f"{name:<14} {ratio:>6.2f} {f'{low:.2f} to {high:.2f}':>13} {case.wanted:>7.2f}"
            f"   {case.about}: {ours:,.0f} / {floor:,.0f}",
            flush=True,
        )
    return int(bool(missed))


def _pair(case: Case, number: int) -> tuple[float, float]:
    """Both rates, one right after the other: whatever else the machine does, it does to both.

    Each second time the floor goes first, so that a machine that grows slower favours neither.
    """
    if number % 2:
        floor = case.floor()
        return case.ours(), floor
    return case.ours(), case.floor()


sys.exit(main(sys.argv[1:]))

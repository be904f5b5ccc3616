"""`bin/bench [NAME …]`: run the measurements and print one line of ratios for each."""

from __future__ import annotations

import sys
from collections.abc import Callable
from statistics import median

from bench import http, inprocess, outbox
from bench.rounds import Case

ROUNDS = 5
CASES: dict[str, Callable[[], Case]] = {
    "unread-count": http.unread_count,
    "list": http.list_of_50,
    "deep-table": http.list_among_a_million,
    "create": inprocess.create_by_event,
    "fanout": inprocess.fan_out,
    "outbox": outbox.outbox,
}


def main(names: list[str]) -> int:
    """Run the named cases, or all; answers the exit code."""
    if unknown := set(names) - set(CASES):
        print(f"There is no measurement called {', '.join(sorted(unknown))}. Choose from: {', '.join(CASES)}")
        return 2
    missed = 0
    print(
        f"{'measurement':<14} {'ratio':>6} {'wanted':>7}   what is compared (medians of {ROUNDS}, a second)"
    )
    for name in names or CASES:
        with CASES[name]() as case:
            case.ours(), case.floor()  # warmed up
            # Interleaved: whatever else the machine does, it does to both.
            pairs = [(case.ours(), case.floor()) for _ in range(ROUNDS)]
        ours, floor = (median(values) for values in zip(*pairs, strict=True))
        ratio = ours / floor
        missed += ratio < case.wanted
        print(
            f"{name:<14} {ratio:>6.2f} {case.wanted:>7.2f}   {case.about}: {ours:,.0f} / {floor:,.0f}",
            flush=True,
        )
    return int(bool(missed))


sys.exit(main(sys.argv[1:]))

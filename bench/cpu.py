"""The CPU time of other processes and their descendants."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from pathlib import Path


def spent(roots: Iterable[int], without: Collection[int] = ()) -> Callable[[], float]:
    """Start measuring; returns a function that returns the seconds of CPU used since.

    Args:
        roots: processes, measured with their descendants. One that has ended is left out.
        without: processes that are not measured.
    """
    roots = tuple(roots)
    before = _read(roots)

    def since() -> float:
        return sum(
            now - before.get(process, 0) for process, now in _read(roots).items() if process not in without
        )

    return since


def _read(roots: Iterable[int]) -> dict[int, float]:
    return _read_linux(roots) if sys.platform == "linux" else _read_ps(roots)


def _read_linux(roots: Iterable[int]) -> dict[int, float]:
    """Read the kernel's own clock of each process, which counts nanoseconds; /proc/PID/stat counts hundredths."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:  # It has ended.
                continue
            # The name may contain spaces and parentheses.
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    found = {}
    for process in _family(roots, parents):
        try:
            found[process] = time.clock_gettime(~process << 3 | 2)  # clock_getcpuclockid(3)
        except OSError:
            continue
    return found


def _read_ps(roots: Iterable[int]) -> dict[int, float]:
    """Ask ps, on macOS."""
    answer = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,time="], capture_output=True, text=True, check=True
    )
    rows = [line.split() for line in answer.stdout.splitlines()]
    seconds = {int(process): _seconds(text) for process, _parent, text in rows}
    return {
        process: seconds[process]
        for process in _family(roots, {int(process): int(parent) for process, parent, _text in rows})
    }


def _seconds(text: str) -> float:
    """Read `[hours:]minutes:seconds.hundredths`."""
    total = 0.0
    for part in text.split(":"):
        total = 60 * total + float(part)
    return total


def _family(roots: Iterable[int], parents: dict[int, int]) -> list[int]:
    children = defaultdict(list)
    for process, parent in parents.items():
        children[parent].append(process)
    family = [root for root in roots if root in parents]
    for process in family:
        family += children[process]
    return family

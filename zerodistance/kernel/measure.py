"""What a process counts of itself while it runs: a few counters, and how long things took. Told by the door at `/metrics`.

Plain numbers in memory: counting costs a fraction of a microsecond, and nobody reads them unless asked to.
"""

from __future__ import annotations

import os
import threading
import time
from bisect import bisect_left
from collections import Counter

ACCEPT_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the buckets of an answer's time, seconds (own values: half a decade around the milliseconds promised)."""

_PAGE = os.sysconf("SC_PAGE_SIZE")
_lock = threading.Lock()
_counted: Counter[str] = Counter()


class Histogram:
    """How many values fell below each bound; written by one thread, read by any.

    Parameters
    ----------
    bounds
        Upper bounds, ascending; one more bucket holds what is above the last.

    Examples
    --------
    >>> times = Histogram((0.1, 1.0))
    >>> for value in (0.05, 0.1, 0.4, 7.0):
    ...     times.observe(value)
    >>> times.cumulative(), round(times.sum, 2)
    ([2, 3, 4], 7.55)
    """

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def cumulative(self) -> list[int]:
        """Return how many values were at most each bound, and at the end how many there were."""
        out, total = [], 0
        for count in tuple(self.counts):
            total += count
            out.append(total)
        return out


def count(name: str, by: int = 1) -> None:
    """Add to a counter of this process; for what happens seldom."""
    with _lock:
        _counted[name] += by


def counted(name: str) -> int:
    """Return a counter of this process, 0 if nothing was counted."""
    with _lock:
        return _counted[name]


def process() -> dict[str, float]:
    """Return what this process takes of the machine: `rss_bytes`, memory in use, and `cpu_seconds`, since it began."""
    with open("/proc/self/statm") as file:
        pages = int(file.read().split()[1])
    return {"rss_bytes": float(pages * _PAGE), "cpu_seconds": time.process_time()}

"""Where a household was through the years: one home after the other, and what speaks against it. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple


class Seen(NamedTuple):
    """Somebody was at a home: time, microseconds; the home's number; person."""

    at: int
    home: int
    person: int


def against(seen: Sequence[Seen]) -> int:
    """Return how many of the times would have to be wrong for all these people to have lived in one home at a time, one after the other.

    Addresses of old are written long after a move, so a few of them say nothing; many say that these are two households.
    """
    if len({one.home for one in seen}) < 2:
        return 0
    return len(seen) - len(_kept(seen)[0])


def homes(seen: Sequence[Seen]) -> list[tuple[int, list[Seen]]]:
    """Return the homes in their order, each with the times that fit it."""
    if len({one.home for one in seen}) == 1:
        return [(seen[0].home, sorted(seen))]
    kept, _ = _kept(seen)
    out: list[tuple[int, list[Seen]]] = []
    for one in kept:
        if not out or out[-1][0] != one.home:
            out.append((one.home, []))
        out[-1][1].append(one)
    return out


def _kept(seen: Sequence[Seen]) -> tuple[list[Seen], dict[int, int]]:
    """Return the most times that fit homes in the order of their middle times: a longest sequence that never goes back."""
    place = _order(seen)
    ordered = sorted(seen, key=lambda one: (one.at, place[one.home], one.person))
    ends: list[int] = []  # place of the home at the end of the best sequence of each length
    last: list[int] = []  # which time that is
    before: list[int] = []
    for n, one in enumerate(ordered):
        length = bisect_right(ends, place[one.home])
        before.append(last[length - 1] if length else -1)
        if length == len(ends):
            ends.append(place[one.home])
            last.append(n)
        else:
            ends[length], last[length] = place[one.home], n
    kept, at = [], last[-1] if last else -1
    while at >= 0:
        kept.append(ordered[at])
        at = before[at]
    return kept[::-1], place


def _order(seen: Sequence[Seen]) -> dict[int, int]:
    times: dict[int, list[int]] = {}
    for one in seen:
        times.setdefault(one.home, []).append(one.at)
    middle = {home: sorted(at)[len(at) // 2] for home, at in times.items()}
    return {home: n for n, home in enumerate(sorted(middle, key=lambda home: (middle[home], home)))}

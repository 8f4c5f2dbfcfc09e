"""A made town for the tag index: persons from a seed, spread at random over nodes whose sizes follow Zipf's law.

Random persons are the worst case for bitmaps: nothing lies together. The same node is the same persons in every process, made anew
when asked for, so that nothing is held whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

DIMENSIONS = (
    "geo.place", "geo.country", "geo.city", "geo.area", "interest.category", "usage.channel", "brand.category", "brand.favourite",
    "needs.category_30d",
)  # fmt: skip
"""Dimensions of the product whose nodes are whatever values there are."""
NUMERIC = "value.orders_total"
"""A dimension of the product with a number behind it: every other person has one here, exponential around 300."""
Who = npt.NDArray[np.uint32]
_MOST = 0.9  # of everybody, at the largest node
_STEP = 8_000_000  # gaps drawn at once


@dataclass(frozen=True)
class Town:
    """Persons 1 to `people`, `nodes` nodes, about `pairs` tags; node 1 is the largest."""

    people: int
    pairs: int
    nodes: int = 5_000
    seed: int = 1

    @cached_property
    def sizes(self) -> npt.NDArray[np.float64]:
        """How many persons each node is to have, the largest first."""
        ranks = 1.0 / np.arange(1, self.nodes + 1)
        found: npt.NDArray[np.float64] = np.minimum(self.pairs * ranks / ranks.sum(), self.people * _MOST)
        return found

    def name(self, rank: int) -> tuple[str, str]:
        """Return dimension and node of a rank, from 1."""
        return DIMENSIONS[rank % len(DIMENSIONS)], f"n{rank:05d}"

    def by_dimension(self) -> Iterator[tuple[str, list[int]]]:
        """Yield each dimension with the ranks of its nodes."""
        for number, key in enumerate(DIMENSIONS):
            yield key, [r for r in range(1, self.nodes + 1) if r % len(DIMENSIONS) == number]

    def numbers(self) -> tuple[Who, npt.NDArray[np.float64]]:
        """Return who has a number, ascending, and the number of each, whole ones from 1 on."""
        luck = np.random.default_rng((self.seed, 0))
        who = np.flatnonzero(luck.random(self.people, np.float32) < 0.5).astype(np.uint32) + np.uint32(1)
        return who, np.floor(luck.standard_exponential(len(who), np.float32) * 300).astype(np.float64) + 1

    def households(self) -> tuple[Who, npt.NDArray[np.float64]]:
        """Return everybody, ascending, and the household of each, 2.3 persons in one on average, at random."""
        luck = np.random.default_rng((self.seed, 1 << 21))
        numbers = luck.integers(1, max(2, round(self.people / 2.3)), self.people, np.uint32)
        return np.arange(1, self.people + 1, dtype=np.uint32), numbers.astype(np.float64)

    def members(self, rank: int) -> Who:
        """Return who is at a node, ascending: each person with the same chance, gap after gap."""
        luck = np.random.default_rng((self.seed, rank))
        share = self.sizes[rank - 1] / self.people
        scale = -1.0 / np.log1p(-share)
        found: list[Who] = []
        last = 0
        while last < self.people:
            many = min(_STEP, round((self.people - last) * share * 1.02) + 64)
            gaps = (luck.standard_exponential(many, np.float32) * scale).astype(np.int64) + 1
            some = last + np.cumsum(gaps)
            last = int(some[-1])
            found.append(some[: np.searchsorted(some, self.people, side="right")].astype(np.uint32))
        return np.concatenate(found)

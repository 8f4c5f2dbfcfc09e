"""How likely two faces are one person's, as bits of evidence: for two faces in plain Python, for columns of pairs with arrays. Pure.

Both add the same numbers: the weight of a pair is log2 of the odds that its records are one person's, against strangers and people of one
household together. From 6.6 bits on it is likelier than .99.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from math import log2
from typing import Any, Final

import numpy as np

from zerodistance.core.identity.matching.alike import Levels
from zerodistance.core.identity.matching.columns import Columns, Floats, Ints
from zerodistance.core.identity.matching.compare import COMPARISONS, levels, levels_many
from zerodistance.core.identity.matching.fields import Face
from zerodistance.core.identity.matching.model import Model

_SLICE: Final = 250_000  # pairs that are compared at a time, own value
_MOST: Final = 60.0  # bits beyond which nothing is likelier, own value
_FEWEST: Final = 10_000  # records that a brand has at least, sooner or later: few records are no reason to take two of them for one; own value


@dataclass(frozen=True, slots=True)
class Part:
    """What one comparison says of a pair: its level and the bits for one person against strangers, for one household against strangers."""

    comparison: str
    level: str
    same: float
    home: float


@dataclass(frozen=True)
class Scorer:
    """A model made ready to weigh pairs among so many records."""

    model: Model
    records: int

    @cached_property
    def priors(self) -> tuple[float, float]:
        """Bits for one person and for one household before anything is known of a pair."""
        others = max(_FEWEST, self.records - 1)
        return log2(self.model.same / others), log2(self.model.home / others)

    @cached_property
    def _bits(self) -> list[list[tuple[float, float, str]]]:
        """Comparison, level -> bits for one person, for one household, and the part whose rarity counts instead of the chance among strangers."""
        out: list[list[tuple[float, float, str]]] = []
        scale = self.model.records / max(_FEWEST, self.records)
        for comparison in COMPARISONS:
            row = [(0.0, 0.0, "")]
            for n, chances in enumerate(self.model.levels[comparison.key], start=1):
                part = comparison.frequency.get(n, "")
                other = (
                    0.0
                    if part in self.model.frequency
                    else log2(min(0.5, chances.other * (scale if n in comparison.sole else 1.0)))
                )
                row.append(
                    (log2(chances.same) - other, log2(chances.home) - other, part if other == 0.0 else "")
                )
            out.append(row)
        return out

    def _rarity(self, part: str, value: str) -> float:
        """Return the bits that a value is worth for being rare."""
        return -log2(self.model.frequency[part].get(value, self.model.floor[part]))

    def parts(self, x: Face, y: Face) -> list[Part]:
        """Return what each comparison says, those that say nothing left out."""
        out = []
        for comparison, level, bits in zip(COMPARISONS, levels(x, y), self._bits, strict=True):
            if level:
                same, home, part = bits[level]
                if part:
                    rare = self._rarity(part, getattr(x, part))
                    same, home = same + rare, max(0.0, home + rare)
                out.append(Part(comparison.key, comparison.levels[level - 1], same, home))
        return out

    def evidence(self, x: Face, y: Face) -> tuple[float, float]:
        """Return the bits for one person and for one household, against strangers, before it is asked how likely each is."""
        same = home = 0.0
        for level, bits in zip(levels(x, y), self._bits, strict=True):
            if level:
                for_same, for_home, part = bits[level]
                if part:  # two people of one home have a name in common at least as often as strangers
                    rare = self._rarity(part, getattr(x, part))
                    for_same, for_home = for_same + rare, max(0.0, for_home + rare)
                same += for_same
                home += for_home
        return same, home

    def pair(self, x: Face, y: Face) -> float:
        """Return the weight of two faces, bits."""
        same, home = self.evidence(x, y)
        same, home = same + self.priors[0], home + self.priors[1]
        return _held(same) - log2(1.0 + 2.0 ** _held(home))

    def judged(self, x: Face, y: Face, least: float = 0.0) -> tuple[float, float]:
        """Return the weight of two faces, and what they say of two groups that they are between, as `votes` does."""
        same, home = self.evidence(x, y)
        weight = _held(same + self.priors[0]) - log2(1.0 + 2.0 ** _held(home + self.priors[1]))
        if weight > least:
            return weight, weight - least
        return weight, min(0.0, _held(same) - max(0.0, _held(home)))

    def pairs(self, face: Face, candidates: Iterable[Face]) -> list[float]:
        """Return the weight of a face with each of some others."""
        return [self.pair(face, other) for other in candidates]

    def weights(self, faces: Columns, a: Ints, b: Ints) -> Floats:
        """Return the weight of each pair of rows, bits."""
        out = np.empty(len(a), dtype=np.float64)
        for first in range(0, len(a), _SLICE):
            cut = slice(first, first + _SLICE)
            out[cut] = self._weight(*self._added(faces, a[cut], levels_many(faces, a[cut], b[cut])))
        return out

    def votes(self, faces: Columns, a: Ints, b: Ints, least: float = 0.0) -> Floats:
        """Return what each pair says of two groups that it is between: its weight above `least`, else what in it speaks against one person.

        Records of one person that have nothing in common, a phone here and an address there, say nothing against it; two full names do.
        """
        return self.judged_many(faces, a, b, least)[1]

    def judged_many(self, faces: Columns, a: Ints, b: Ints, least: float = 0.0) -> tuple[Floats, Floats]:
        """Return the weight of each pair of rows and its vote, as `judged` does."""
        weight, vote = np.empty(len(a), dtype=np.float64), np.empty(len(a), dtype=np.float64)
        for first in range(0, len(a), _SLICE):
            cut = slice(first, first + _SLICE)
            same, home = self._added(faces, a[cut], levels_many(faces, a[cut], b[cut]))
            weight[cut] = self._weight(same, home)
            above = weight[cut] - least
            against = np.clip(same, -_MOST, _MOST) - np.maximum(0.0, np.clip(home, -_MOST, _MOST))
            vote[cut] = np.where(above > 0, above, np.minimum(0.0, against))
        return weight, vote

    def _weight(self, same: Floats, home: Floats) -> Floats:
        held = (
            np.clip(one + prior, -_MOST, _MOST) for one, prior in zip((same, home), self.priors, strict=True)
        )
        same, home = held
        out: Floats = same - np.log2(1.0 + np.exp2(home))
        return out

    def _added(self, faces: Columns, a: Ints, found: Levels) -> tuple[Floats, Floats]:
        same, home = np.zeros(len(a)), np.zeros(len(a))
        for row, bits in zip(found, self._bits, strict=True):
            if not row.any():
                continue
            for_same, for_home = (np.array([one[n] for one in bits]) for n in (0, 1))
            same += for_same[row]
            home += for_home[row]
            for level, (_, _, part) in enumerate(bits):
                if part and len(these := np.flatnonzero(row == level)):
                    rare = self._rarities(faces, part)[faces.code[part][a[these]]]
                    same[these] += rare
                    home[these] += np.maximum(rare, -for_home[level])  # as in `evidence`
        return same, home

    def _rarities(self, faces: Columns, part: str) -> Floats:
        values, rare = self._known.get(part, (None, _NOTHING))
        if values is not faces.value[part]:
            values = faces.value[part]
            rare = np.array([self._rarity(part, value) for value in values])
            self._known[part] = (values, rare)
        return rare

    @cached_property
    def _known(self) -> dict[str, tuple[Any, Floats]]:
        return {}


_NOTHING: Floats = np.empty(0)


def _held(bits: float) -> float:
    return max(-_MOST, min(_MOST, bits))


def likely(weight: float) -> float:
    """Return the probability that a weight stands for.

    Examples
    --------
    >>> likely(0.0), round(likely(6.63), 2)
    (0.5, 0.99)
    """
    return float(1.0 / (1.0 + 2.0**-weight))

"""Learning what agreement weighs, without being told who is who. Pure.

Pairs that share a block are taken for a mixture of three kinds: one person, one household, strangers. What strangers agree in is counted over pairs
drawn by chance; what records of one person agree in, and how many pairs there are of each kind, is found by expectation and maximisation. What people of one
household have in common is set: learned, it becomes a second kind of one person, or whoever has one phone and two names.

References
----------
.. [1] Dempster, Laird, Rubin, Maximum likelihood from incomplete data via the EM algorithm, JRSS B 1977.
.. [2] Winkler, Using the EM algorithm for weight computation in the Fellegi-Sunter model of record linkage, 1988.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from zerodistance.core.identity.matching import blocks
from zerodistance.core.identity.matching.alike import Levels
from zerodistance.core.identity.matching.columns import Codes, Columns, Floats, Ints, columns
from zerodistance.core.identity.matching.compare import COMPARISONS, levels_many
from zerodistance.core.identity.matching.model import Chances, Model

_STRANGERS: Final = 400_000  # pairs drawn by chance; own value: a chance of 3e-4 is known to a tenth
_PAIRS: Final = 400_000  # pairs of blocks that are learned from, at most
_ROUNDS: Final = 40
_ENOUGH: Final = 1e-4  # change of the largest chance at which it ends
_LEAST: Final = 1e-5  # of a chance that was never seen
_SLIP: Final = 1e-3  # the same for one person's records: of a thousand, one is wrong even in what never seems to be; own value
_RARE: Final = {
    ("born", "generation"): 1e-5,
    ("surname", "differs"): 4e-3,
    ("given", "differs"): 4e-3,
}  # and where a slip is rarer than that, or makes another name of a short one; own values
_FAMILY: Final = 0.15  # pairs of one household to one of a person at least: few are found without names that tell them apart; own value, near the sample city
_FEW: Final = 200  # pairs that say something, below which it is not learned; own value
_KINDS: Final = ("same", "home", "other")
Table = dict[str, npt.NDArray[np.float64]]
"""Comparison -> chances, shape (levels, 3)."""

# Where it begins, and what stays where too little is known to learn it: chances of the first levels of one person, of one household (empty: as of
# strangers) and of strangers; the rest is shared out to the others. Own values, near what the sample city and FEBRL have.
_First = tuple[float, ...]
_BEGIN: Final[dict[str, tuple[_First, _First, _First]]] = {
    "surname": ((0.9, 0.002, 0.03, 0.01), (0.4, 0.001, 0.02, 0.01), (0.01, 1e-4, 0.01, 0.01)),
    "given": (
        (0.8, 0.08, 0.002, 0.005, 0.01, 0.035, 0.01),
        (0.005, 0.005, 1e-4, 0.001, 0.004, 0.01, 0.01),
        (0.001, 0.001, 1e-4, 2e-4, 0.002, 0.005, 0.005),
    ),
    "sex": ((0.98,), (0.5,), (0.5,)),
    "born": (
        (0.85, 0.01, 0.05, 0.02, 0.03, 5e-4),
        (0.005, 5e-5, 0.002, 0.02, 0.03, 0.45),
        (1e-4, 5e-5, 0.001, 0.015, 0.015, 0.6),
    ),
    "phone": ((0.75, 0.03), (0.6, 0.005), (5e-5, 1e-5)),
    "email": ((0.75, 0.02, 0.02), (), (1e-4, 5e-5, 1e-5)),
    "id_number": ((0.9, 0.05, 0.01), (), (1e-4, 5e-5, 3e-4)),
    "home": (
        (0.6, 0.05, 0.1, 0.05, 0.02, 0.05),
        (0.6, 0.03, 0.1, 0.04, 0.01, 0.02),
        (1e-4, 2e-5, 1e-4, 0.005, 5e-4, 0.05),
    ),
    "street": ((0.75, 0.1, 0.03), (0.75, 0.1, 0.03), (0.001, 0.001, 0.01)),
    "house": ((0.8, 0.08), (0.8, 0.08), (0.015, 0.2)),
    "extra": ((0.7, 0.1, 0.03), (0.7, 0.1, 0.03), (0.01, 0.01, 0.01)),
    "locality": ((0.8, 0.08, 0.02), (0.8, 0.08, 0.02), (0.01, 0.002, 0.003)),
    "region": ((0.9, 0.04, 0.01), (0.9, 0.04, 0.01), (0.2, 0.01, 0.001)),
    "postcode": ((0.85, 0.08), (0.85, 0.08), (0.002, 0.015)),
}


def train(
    faces: pa.Table | Columns, seed: int = 1, rules: tuple[blocks.Rule, ...] = blocks.RULES, least: int = 1
) -> Model:
    """Return the model of faces, learned without labels; it knows the names that at least so many records have."""
    table = faces if isinstance(faces, Columns) else columns(faces)
    luck = np.random.default_rng(seed)
    other = strangers(table, luck)
    a, b = blocks.candidates(table, rules)
    share = min(1.0, _PAIRS / max(1, len(a)))
    if share < 1.0:
        kept = np.sort(luck.choice(len(a), _PAIRS, replace=False))
        a, b = a[kept], b[kept]
    found = levels_many(table, a, b)
    frequency, floor = frequencies(table, least)
    rare = _rarities(table, a, found, frequency, floor)
    chances, kinds = _learned(found, rare, _begun(other), share, table.rows)
    return made(chances, kinds, table.rows, frequency, floor, {"pairs": len(a), "seed": seed, "labels": False})  # fmt: skip


def taught(
    table: Columns, a: Ints, b: Ints, kind: npt.NDArray[np.int8], seed: int = 1, **trained: Any
) -> Model:
    """Return the model of pairs of which it is known what they are: 0 one person's, 1 one household's, 2 strangers'."""
    luck = np.random.default_rng(seed)
    other, found = strangers(table, luck), levels_many(table, a, b)
    chances: Table = {}
    for comparison, row in zip(COMPARISONS, found, strict=True):
        columns_ = [_counted(row[kind == n], len(comparison.levels)) for n in (0, 1)]
        chances[comparison.key] = np.stack([*columns_, other[comparison.key]], axis=1)
    kinds = np.bincount(kind, minlength=3).astype(np.float64)
    frequency, floor = frequencies(table)
    return made(chances, kinds, table.rows, frequency, floor, {"pairs": len(a), "labels": True, **trained})  # fmt: skip


def made(
    chances: Table, kinds: Floats, rows: int, frequency: Any, floor: Any, trained: Mapping[str, Any]
) -> Model:
    """Return the model of chances and numbers of pairs of each kind."""
    levels = {
        key: tuple(Chances(*(float(f"{chance:.6g}") for chance in row)) for row in table) for key, table in chances.items()
    }  # fmt: skip
    same, home = 2 * kinds[0] / rows, 2 * kinds[1] / rows
    same, home = max(same, 1e-6), max(home, _FAMILY * same, 1e-6)
    same, home = (float(f"{many:.6g}") for many in (same, home))
    return Model(levels, rows, same, home, frequency, floor, trained)


def strangers(table: Columns, luck: np.random.Generator) -> Table:
    """Return the chance of each level among pairs drawn by chance."""
    a, b = (luck.integers(0, table.rows, _STRANGERS) for _ in range(2))
    fine = a != b
    found = levels_many(table, a[fine], b[fine])
    out: Table = {}
    for comparison, row in zip(COMPARISONS, found, strict=True):
        many = len(comparison.levels)
        known = np.count_nonzero(row) >= _FEW
        chances = _counted(row, many) if known else _spread(_BEGIN[comparison.key][2], many)
        out[comparison.key] = _exactly(table, comparison.key, chances) if known else chances
    return out


def _exactly(table: Columns, part: str, chances: Floats) -> Floats:
    """Return chances of which that of equal values, where it is the first level, is counted over all pairs, not over those that were drawn."""
    if part not in table.code or part == "given" or part == "born":
        return chances
    count = np.bincount(_known(table.code[part])).astype(np.float64)
    every = count.sum()
    equal = max(float((count * (count - 1)).sum() / (every * (every - 1))), 1 / every**2)
    # where everybody has the same value, the next one to come may have another still
    equal = min(equal, 1 - _LEAST * (len(chances) - 1))
    return np.append(equal, chances[1:] / chances[1:].sum() * (1 - equal))


def _counted(row: npt.NDArray[np.uint8], many: int) -> Floats:
    """Return the share of each level among pairs in which both say something; half a pair is added to each."""
    count = np.bincount(row, minlength=many + 1)[1:].astype(np.float64) + 0.5
    out: Floats = np.maximum(count / count.sum(), _LEAST)
    return out


def frequencies(table: Columns, least: int = 1) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """Return part -> value -> share of the rows that have it, and part -> share of a value that is not there."""
    frequency: dict[str, dict[str, float]] = {}
    floor: dict[str, float] = {}
    for part in sorted({part for c in COMPARISONS for part in c.frequency.values()} & table.filled):
        count = np.bincount(_known(table.code[part]), minlength=len(table.value[part]))
        every = max(1, int(count.sum()))
        kept = np.flatnonzero(count >= least)
        frequency[part] = {str(table.value[part][n]): float(f"{count[n] / every:.4g}") for n in kept}
        floor[part] = float(f"{least / every:.4g}")
    return frequency, floor


def _known(code: Codes) -> Codes:
    return code[code >= 0]


def _begun(other: Table) -> Table:
    out: Table = {}
    for comparison in COMPARISONS:
        many, stranger = len(comparison.levels), other[comparison.key]
        same, home = (_spread(first, many) if first else stranger for first in _BEGIN[comparison.key][:2])
        out[comparison.key] = np.stack([same, home, stranger], axis=1)
    return out


def _spread(first: tuple[float, ...], many: int) -> Floats:
    rest = many - len(first)
    return np.array([*first, *[(1 - sum(first)) / rest] * rest])


def _rarities(
    table: Columns, a: Ints, found: Levels, frequency: Any, floor: Any
) -> dict[tuple[int, int], Floats]:
    """Return comparison, level -> chance among strangers of each pair's own value."""
    out: dict[tuple[int, int], Floats] = {}
    for n, comparison in enumerate(COMPARISONS):
        for level, part in comparison.frequency.items():
            if part in frequency:
                share = np.array(
                    [*(frequency[part].get(value, floor[part]) for value in table.value[part]), 1.0]
                )
                out[n, level] = share[table.code[part][a[found[n] == level]]]
    return out


def _learned(
    found: Levels, rare: dict[tuple[int, int], Floats], chances: Table, share: float, rows: int
) -> tuple[Table, Floats]:
    """Return the chances, and how many pairs there are of each kind."""
    every = rows * (rows - 1) / 2
    pairs = found.shape[1]
    kinds = np.array([pairs * 0.3, pairs * 0.2, 0.0]) / share
    stranger = np.zeros(pairs)
    for n, comparison in enumerate(COMPARISONS):
        table = np.log(np.r_[1.0, chances[comparison.key][:, 2]])[found[n]]
        for level in comparison.frequency:
            if (n, level) in rare:
                table[found[n] == level] = np.log(rare[n, level])
        stranger += table
    learned = [n for n, c in enumerate(COMPARISONS) if found[n].any()]
    for _ in range(_ROUNDS):
        same, home = (np.zeros(pairs) for _ in range(2))
        for n in learned:
            logs = np.log(np.vstack([[1.0, 1.0], chances[COMPARISONS[n].key][:, :2]]))
            agreed = logs[found[n]]
            for level in COMPARISONS[n].frequency:
                if (
                    n,
                    level,
                ) in rare:  # two people of one home have a name in common at least as often as strangers
                    agreed[found[n] == level, 1] = np.log(
                        np.maximum(rare[n, level], chances[COMPARISONS[n].key][level - 1, 1])
                    )
            same += agreed[:, 0]
            home += agreed[:, 1]
        total = np.stack([same + np.log(kinds[0] / every), home + np.log(kinds[1] / every), stranger])
        total -= total.max(axis=0)
        odds = np.exp(total)
        odds /= odds.sum(axis=0)
        kinds = np.maximum(np.append(odds[:2].sum(axis=1) / share, 0.0), 1e-3)
        changed = 0.0
        for n in learned:
            comparison = COMPARISONS[n]
            many = len(comparison.levels)
            count = np.bincount(found[n], odds[0], many + 1)[1:] + 0.1 * chances[comparison.key][:, 2]
            if count.sum() >= _FEW:
                new = np.maximum(
                    count / count.sum(),
                    [_RARE.get((comparison.key, name), _SLIP) for name in comparison.levels],
                )
                changed = max(changed, float(np.abs(new - chances[comparison.key][:, 0]).max()))
                chances[comparison.key][:, 0] = new
        if changed < _ENOUGH:
            break
    return chances, kinds

"""Which faces are looked at together: every rule makes a key of some parts, and faces with an equal key make a block. Pure.

`candidates` finds the pairs of a whole table by codes; `hashed` makes keys for an index that is kept. Both make the same pairs, a test says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from zerodistance.core.identity.matching.columns import Columns, Ints, mixed

MOST: Final = 60  # faces of a block that are compared with each other; own value: pairs grow with its square


@dataclass(frozen=True, slots=True)
class Rule:
    """Faces with all of `parts` equal are compared, unless more than `most` of them are.

    `name` as a part: surname and given name in either order. `place`: estate, or road and number.
    """

    parts: tuple[str, ...]
    most: int = MOST

    @property
    def key(self) -> str:
        """What the rule is called."""
        return "+".join(self.parts)


RULES: Final = (
    Rule(("phone",)),
    Rule(("email",)),
    Rule(("id_number",)),
    Rule(("name", "room")),
    Rule(("name", "born")),
    Rule(("surname", "core", "building", "room")),
    Rule(("surname", "road", "building", "room")),
    Rule(("name", "core")),
    Rule(("name", "road")),
    Rule(("core", "building", "unit", "room"), 12),
    Rule(("surname", "born")),
    Rule(("given", "born")),
    Rule(("name", "postcode")),
    Rule(("born", "postcode")),
    Rule(("surname", "postcode")),
    Rule(("given", "postcode")),
    Rule(("street", "house")),
    Rule(("born", "locality")),
    Rule(("given", "locality")),
    Rule(("surname", "locality")),
    Rule(("given", "street")),
    Rule(("surname", "street")),
    Rule(("born", "house")),
    Rule(("name",), 10),
)
"""The rules that ship, for Chinese and for other addresses; one whose parts are empty costs nothing."""


def candidates(faces: Columns, rules: tuple[Rule, ...] = RULES) -> tuple[Ints, Ints]:
    """Return the pairs of rows that share a block, each once, the smaller row first, in order."""
    found = [np.empty(0, dtype=np.int64)]
    for rule in rules:
        if all(part == "name" or part in faces.filled for part in rule.parts):
            found += list(_pairs(*grouped(faces, rule), rule.most, faces.rows))
    every = np.sort(np.concatenate(found))
    every = every[np.r_[True, every[1:] != every[:-1]]] if len(every) else every
    return every // faces.rows, every % faces.rows


def grouped(faces: Columns, rule: Rule) -> tuple[Ints, Ints]:
    """Return the rows that a rule makes blocks of, and the block of each."""
    codes = [_code(faces, part) for part in rule.parts]
    there = np.flatnonzero(np.logical_and.reduce([code >= 0 for code in codes]))
    return there, mixed(*(code[there] for code in codes), rows=len(there))


def _code(faces: Columns, part: str) -> Ints:
    if part != "name":
        return faces.code[part].astype(np.int64)
    one, other = faces.code["surname"].astype(np.int64), faces.code["given"].astype(np.int64)
    high, low = np.maximum(one, other), np.minimum(one, other)
    return np.where(low < 0, -1, high * (int(high.max(initial=0)) + 1) + low)


def _pairs(there: Ints, block: Ints, most: int, rows: int) -> Iterator[Ints]:
    """Yield the pairs of each block of at most `most` rows, as smaller * rows + larger."""
    order = np.argsort(block)
    sorted_, order = block[order], there[order]
    start = np.flatnonzero(np.r_[True, sorted_[1:] != sorted_[:-1]]) if len(order) else order
    many = np.diff(np.r_[start, len(order)])
    fits = (many > 1) & (many <= most)
    left = np.repeat(np.where(fits, start + many, 0), many) - 1 - np.arange(len(order))
    left = np.maximum(left, 0)  # rows of the same block behind each row
    for first in range(0, len(order), _SLICE):
        these = np.arange(first, min(first + _SLICE, len(order)))
        a = np.repeat(these, left[these])
        b = a + 1 + np.arange(len(a)) - np.repeat(np.cumsum(left[these]) - left[these], left[these])
        x, y = order[a], order[b]
        yield np.minimum(x, y) * rows + np.maximum(x, y)


_SLICE: Final = 1_000_000  # rows whose pairs are made at a time
__all__ = ["MOST", "RULES", "Rule", "candidates", "grouped"]

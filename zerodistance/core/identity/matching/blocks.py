"""Which faces are looked at together: every rule makes a key of some parts, and faces with an equal key make a block. Pure.

`candidates` finds the pairs of a whole table by codes; `hashed` makes keys for an index that is kept. Both make the same pairs, a test says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from zerodistance.core.identity.matching.columns import Codes, Columns, Ints, mixed

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
    found = [*slices(faces, rules)]
    nothing = np.empty(0, dtype=np.int64)
    return (
        np.concatenate([nothing, *(pair[0] for pair in found)]),
        np.concatenate([nothing, *(pair[1] for pair in found)]),
    )


def slices(
    faces: Columns, rules: tuple[Rule, ...] = RULES, most: int = 2_000_000
) -> Iterator[tuple[Ints, Ints]]:
    """Yield the pairs of `candidates` in order, about `most` at a time: no more of them is in memory."""
    made = [
        _blocks(faces, rule)
        for rule in rules
        if all(part == "name" or part in faces.filled for part in rule.parts)
    ]
    made = [one for one in made if len(one.row)]
    if not made:
        return
    pairs = np.zeros(faces.rows, dtype=np.int64)
    for one in made:
        pairs[one.row] += one.later
    many = np.cumsum(pairs)
    cuts = np.searchsorted(many, np.arange(most, int(many[-1]) + most, most), side="left") + 1
    first = 0
    for last in np.unique(np.minimum(cuts, faces.rows)).tolist():
        found = np.concatenate([one.pairs(first, last, faces.rows) for one in made])
        found.sort()
        found = found[np.r_[True, found[1:] != found[:-1]]] if len(found) else found
        if len(found):
            yield found // faces.rows, found % faces.rows
        first = last


@dataclass(frozen=True)
class _Blocks:
    """The blocks of one rule that are not too large, as far as they make pairs.

    Attributes
    ----------
    members
        Rows, those of a block together and in order.
    row, place, later
        Rows with later ones in their block, in order; where each stands among the members; how many later ones there are.
    """

    members: Codes
    row: Codes
    place: Codes
    later: npt.NDArray[np.uint8]

    def pairs(self, first: int, last: int, rows: int) -> Ints:
        """Return the pairs whose smaller row is one of a range, as smaller * rows + larger."""
        cut = slice(*np.searchsorted(self.row, (first, last)).tolist())
        later = self.later[cut].astype(np.int64)
        a = np.repeat(self.row[cut].astype(np.int64), later)
        step = np.arange(len(a)) - np.repeat(np.cumsum(later) - later, later)
        b: Ints = self.members[np.repeat(self.place[cut].astype(np.int64), later) + 1 + step].astype(np.int64)
        return a * rows + b


def _blocks(faces: Columns, rule: Rule) -> _Blocks:
    there, block = _keyed(faces, rule)
    order = np.argsort(block, kind="stable")
    block = block[order]
    members = there[order].astype(np.int32)
    start = np.flatnonzero(np.r_[True, block[1:] != block[:-1]]) if len(block) else order
    many = np.diff(np.r_[start, len(block)])
    del block, order
    fits = (many > 1) & (many <= rule.most)
    members = members[np.repeat(fits, many)]
    many = many[fits]
    end = np.repeat(np.cumsum(many), many)
    later = end - 1 - np.arange(len(members))
    place = np.flatnonzero(later > 0)
    place = place[np.argsort(members[place], kind="stable")]
    return _Blocks(members, members[place], place.astype(np.int32), later[place].astype(np.uint8))


def _keyed(faces: Columns, rule: Rule) -> tuple[Ints, Ints]:
    """Return the rows that a rule makes blocks of, and the block of each."""
    codes = [_code(faces, part) for part in rule.parts]
    there = np.flatnonzero(np.logical_and.reduce([code >= 0 for code in codes]))
    return there, mixed(*(code[there] for code in codes), rows=len(there))


def _code(faces: Columns, part: str) -> Ints | Codes:
    if part != "name":
        return faces.code[part]
    one, other = faces.code["surname"].astype(np.int64), faces.code["given"].astype(np.int64)
    high, low = np.maximum(one, other), np.minimum(one, other)
    return np.where(low < 0, -1, high * (int(high.max(initial=0)) + 1) + low)


__all__ = ["MOST", "RULES", "Rule", "candidates", "slices"]

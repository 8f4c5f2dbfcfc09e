"""What a group is called and how it is told from the others: by the nodes at which its members are surely more often, or more seldom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.rules import is_inner
from zerodistance.core.segments import intervals
from zerodistance.core.segments.groups.contracts import DIMENSION, Trait
from zerodistance.core.segments.groups.features import Numbers
from zerodistance.core.segments.groups.kmeans import Places
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

LEVEL = 0.95
_TRAITS = 12  # own value: of a group that are kept
_A_DIMENSION = 2  # own value: nodes of one dimension among them
_IN_A_NAME = 2  # own value: nodes that a name is made of, more only where two groups would be called alike
_LONGEST = 60  # own value: characters of a name


def traits(
    who: Sequence[str], here: profiles.Index, some: Numbers, labels: Places, many: int
) -> list[tuple[Trait, ...]]:
    """Return for each group how it differs from all others of the sample, what is surest first.

    Parameters
    ----------
    who
        The dimensions to look at.
    some, labels
        Persons of the sample, ascending, and the group of each.
    """
    allowed = set(who)
    names = [
        (key, node)
        for kind, key, node in profiles.portrayed(here)
        if key in allowed and not key.startswith(DIMENSION)
    ]
    counts = np.zeros((many, len(names)), np.int64)
    at = 0
    for block in profiles.crossed(here, some, names):
        of = labels[at : at + len(block.who)][block.rows]
        counts += np.bincount(of * len(names) + block.nodes, minlength=many * len(names)).reshape(many, -1)
        at += len(block.who)
    sizes = np.bincount(labels, minlength=many)
    z = intervals.z_of(LEVEL, len(names) * many)
    return [tuple(_shown(_ranked(names, counts, sizes, group, z))) for group in range(many)]


def _ranked(
    names: Sequence[tuple[str, str]],
    counts: npt.NDArray[np.int64],
    sizes: npt.NDArray[np.int64],
    group: int,
    z: float,
) -> list[Trait]:
    mine, others = int(sizes[group]), int(sizes.sum() - sizes[group])
    if not mine or not others:
        return []
    rest, found = counts.sum(axis=0) - counts[group], []
    for n in np.flatnonzero(counts.sum(axis=0)).tolist():
        some, other = int(counts[group, n]), int(rest[n])
        low, high = intervals.newcombe(some, mine, other, others, z)
        if low <= 0 <= high:
            continue
        found.append(Trait(*names[n], some / mine, other / others, low, high))
    return sorted(found, key=lambda one: (-sure(one), one.dimension, is_inner(one.node), one.node))


def sure(one: Trait) -> float:
    """Return how large a difference is at least."""
    return min(abs(one.low), abs(one.high))


def _shown(ranked: Sequence[Trait]) -> Iterator[Trait]:
    """Yield the first ones, few of a dimension, and of an inner node and its only node the node alone."""
    taken: dict[str, list[Trait]] = {}
    left = _TRAITS
    for one in ranked:
        mine = taken.setdefault(one.dimension, [])
        twin = any((t.share, t.share_others) == (one.share, one.share_others) for t in mine)
        if len(mine) < _A_DIMENSION and not (twin and is_inner(one.node)) and left:
            mine.append(one)
            left -= 1
            yield one


def labelled(home: Home, who: Who, some: Sequence[Trait]) -> tuple[Trait, ...]:
    """Return traits with the labels of their dimensions and nodes; those of dimensions that are gone, or that this account may not see, are left out."""
    known = {one.key: one for one in profiles.dimensions(home, who)}
    found = []
    for one in some:
        if (dimension := known.get(one.dimension)) is None:
            continue
        label = profiles.node_labels(home, who, dimension, [one.node])[one.node]
        found.append(
            Trait(
                one.dimension,
                one.node,
                one.share,
                one.share_others,
                one.low,
                one.high,
                dimension.label,
                label,
            )
        )
    return tuple(found)


def names(groups: Sequence[Sequence[Trait]], taken: Sequence[Text] = ()) -> list[Text]:
    """Return a name for each group, from its labelled traits, in both languages; no two are alike, and none is in `taken`.

    A name says at which nodes its members are more often; where there is no such node, at which they are more seldom.
    """
    zh, en = {one.zh for one in taken}, {one.en for one in taken}
    found = []
    for some in groups:
        name = _name(some, zh, en)
        zh.add(name.zh)
        en.add(name.en)
        found.append(name)
    return found


def _name(some: Sequence[Trait], zh: set[str], en: set[str]) -> Text:
    often = _apart([one for one in some if one.low > 0])
    words = (
        [_words(one) for one in often]
        or [_less(_words(one)) for one in _apart(some)]
        or [Text("其余的人", "Everybody else")]
    )
    for many in range(min(_IN_A_NAME, len(words)), len(words) + 1):
        name = _joined(words[:many])
        if name.zh not in zh and name.en not in en:
            return name
    base = _joined(words[:_IN_A_NAME])
    numbered = (Text(f"{base.zh} {n}", f"{base.en} {n}") for n in range(2, 1_000))
    return next(name for name in numbered if name.zh not in zh and name.en not in en)


def _apart(some: Sequence[Trait]) -> list[Trait]:
    """Return one trait of each dimension, first those of layers that were not named yet, since two of one layer often say the same."""
    mine: dict[str, Trait] = {}
    for one in some:
        mine.setdefault(one.dimension, one)
    first: dict[str, Trait] = {}
    for key, one in mine.items():
        first.setdefault(key.partition(".")[0], one)
    return [*first.values(), *(one for one in mine.values() if one not in first.values())]


def _words(one: Trait) -> Text:
    return Text(f"{one.label.zh}：{one.node_label.zh}", f"{one.label.en}: {one.node_label.en}")


def _less(words: Text) -> Text:
    return Text(f"少有 {words.zh}", f"seldom {words.en}")


def _joined(words: Sequence[Text]) -> Text:
    return Text(_cut(" · ".join(one.zh for one in words)), _cut(" · ".join(one.en for one in words)))


def _cut(text: str) -> str:
    return text if len(text) <= 2 * _LONGEST else text[: 2 * _LONGEST - 1] + "…"

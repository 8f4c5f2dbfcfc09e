"""What persons are compared by: nodes of the tag tree as numbers, each dimension as much as any other, and the few directions in which people differ most.

A dimension of bands is one number, the middle rank of the persons of the band; one of values is a number for each node. A number is what a node adds, so
that a person is a sum over the nodes they are at, whole numbers, exact in any order.

References
----------
J. Pagès, "Analyse factorielle de données mixtes", Revue de statistique appliquée 52 (2004), 93-111: ranks and values weighed alike, so that how much a
direction holds is the sum of what it has in common with each dimension, one at most.
I. D. J. Bross, "How to use ridit analysis", Biometrics 14 (1958), 18-38.
V. A. Marchenko, L. A. Pastur, "Distribution of eigenvalues for some sets of random matrices", Mathematics of the USSR-Sbornik 1 (1967), 457-483: the
largest that chance brings.
H. F. Kaiser, "The application of electronic computers to factor analysis", Educational and Psychological Measurement 20 (1960), 141-151: a direction is
kept that holds more than one of the things compared does by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.contracts import Bands, Dimension
from zerodistance.core.profiles.rules import is_inner
from zerodistance.core.segments.groups.kmeans import Points, Whole

SCALE = 10_000
"""Whole numbers to the spread of one dimension."""
COMPONENTS = 12  # own value: at most so many directions
_ALIKE = 0.95  # own value: a dimension in which so many say the same, or say nothing, tells nobody apart
_RARE = 0.02  # own value: a value that fewer have makes no difference between kinds of persons
_NODES = 20  # own value: the largest values of a dimension
Named = tuple[str, str]
Numbers = npt.NDArray[np.uint32]


@dataclass(frozen=True)
class Space:
    """Where persons stand; see `contracts.Model` for the attributes that they share.

    Attributes
    ----------
    left_out
        Dimensions in which nearly all say the same.
    related
        Whether any two dimensions go together. Where none do, there is no direction but by chance, and no number of groups means anything.
    """

    names: tuple[Named, ...]
    weights: Whole
    base: Whole
    explained: tuple[float, ...]
    left_out: tuple[str, ...]
    related: bool


@dataclass(frozen=True)
class _Columns:
    """Numbers of one dimension: nodes with the column and the number each gives, and what whoever is at none of them has in each column."""

    nodes: tuple[tuple[str, int, float], ...]
    none: tuple[float, ...]


def points(here: profiles.Index, who: Numbers, space: Space) -> Iterator[tuple[Numbers, Whole]]:
    """Yield persons, block by block, and where each stands, whole numbers: one row a person, one column a component."""
    added = space.weights.astype(np.float64)
    for block in profiles.crossed(here, who, space.names):
        many = len(block.who)
        columns = [
            np.bincount(block.rows, weights=added[block.nodes, n], minlength=many)
            for n in range(added.shape[1])
        ]
        yield block.who, np.rint(np.stack(columns, axis=1)).astype(np.int64) + space.base


def leaves(here: profiles.Index, dimension: Dimension) -> list[str]:
    """Return the nodes of a dimension at which persons are, no inner ones."""
    return [node for node, many in here.nodes(dimension.key).items() if many.persons and not is_inner(node)]


def space(here: profiles.Index, dimensions: Sequence[Dimension], who: Numbers) -> Space | None:
    """Return where to put persons so that those who are alike are near each other, from a sample; None: nothing tells them apart.

    In every direction a dimension has a spread of one at most. A direction is kept that holds more than one dimension does, by more than chance
    brings in a sample of this size.
    """
    names = [(one.key, node) for one in dimensions for node in leaves(here, one)]
    counts = np.zeros(len(names), np.int64)
    for block in profiles.crossed(here, who, names):
        counts += np.bincount(block.nodes, minlength=len(names))
    shares = {name: int(many) / len(who) for name, many in zip(names, counts, strict=True)}
    used: list[tuple[str, _Columns]] = []
    left_out = []
    for one in dimensions:
        found = _columns(
            one, {node: share for (key, node), share in shares.items() if key == one.key and share}
        )
        if found is None:
            left_out.append(one.key)
        else:
            used.append((one.key, found))
    if not used:
        return None
    kept, coded, none = _laid_out(used)
    middle, spread = _spread(here, who, kept, coded, none)
    sizes, directions = np.linalg.eigh(spread)
    order = np.argsort(-sizes, kind="stable")[:COMPONENTS]
    noise = (1 + (len(none) / len(who)) ** 0.5) ** 2
    related = int((sizes[order] > noise).sum())
    many = related or min(2, int((sizes[order] > 1e-9).sum()))
    order = order[:many]
    axes = directions[:, order]
    axes *= np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(many)])
    weights = np.rint(SCALE * (coded @ axes)).astype(np.int64)
    base = np.rint(SCALE * ((none - middle) @ axes)).astype(np.int64)
    explained = tuple((sizes[order] / max(float(sizes.sum()), 1e-12)).round(6).tolist())
    return Space(tuple(kept), weights, base, explained, tuple(left_out), related > 0)


def _columns(dimension: Dimension, shares: dict[str, float]) -> _Columns | None:
    """Return the numbers of a dimension, with a spread of one in any direction; None: nearly all say the same."""
    rest = max(0.0, 1 - sum(shares.values()))
    if max([rest, *shares.values()]) > _ALIKE:
        return None
    return (
        _ranks(dimension, dimension.nodes, shares, rest)
        if isinstance(dimension.nodes, Bands)
        else _values(shares)
    )


def _ranks(dimension: Dimension, bands: Bands, shares: dict[str, float], rest: float) -> _Columns:
    """Return the middle rank of each band.

    Whoever is in no band did nothing: that is 0 where it counts, and longest ago where it is an age. What is only not known of somebody is
    taken to be in the middle.
    """
    mine: dict[str | None, float] = dict(shares.items())
    order: list[str | None] = [key for _, key, _ in bands.bands if key in shares]
    nothing: str | None = None  # the band, or none of them, that whoever did nothing stands in
    if dimension.parsed.counting:
        nothing = next((key for low, key, _ in reversed(bands.bands) if low <= 0 and key in shares), None)
        order = order if nothing else [None, *order]
    elif dimension.parsed.ageing:
        order.append(None)
    mine[nothing] = mine.get(nothing, 0.0) + rest
    known = sum(mine[key] for key in order)
    below, ranks = 0.0, dict[str | None, float]()
    for key in order:
        ranks[key] = (below + mine[key] / 2) / known
        below += mine[key]
    middle = sum(mine[key] * ranks[key] for key in order) / known
    none = ranks.get(nothing, middle)
    spread = sum(mine[key] * (ranks[key] - middle) ** 2 for key in order) ** 0.5
    nodes = [(key, 0, (ranks[key] - none) / spread) for key in order if key is not None]
    return _Columns(tuple(nodes), (none / spread,))


def _values(shares: dict[str, float]) -> _Columns | None:
    """Return a number for each node that is not rare: whether somebody is at it, weighed so that in no direction the dimension says more than one of ranks."""
    large = sorted(((-share, node) for node, share in shares.items() if share >= _RARE))[:_NODES]
    if not large:
        return None
    nodes = tuple((node, n, (-share) ** -0.5) for n, (share, node) in enumerate(large))
    return _Columns(nodes, (0.0,) * len(nodes))


def _laid_out(used: Sequence[tuple[str, _Columns]]) -> tuple[list[Named], Points, Points]:
    """Return the nodes that count, what each adds to each column of all dimensions, and what whoever is at none has there."""
    kept: list[Named] = []
    cells: list[tuple[int, float]] = []
    none: list[float] = []
    for key, columns in used:
        for node, column, number in columns.nodes:
            kept.append((key, node))
            cells.append((len(none) + column, number))
        none += columns.none
    coded = np.zeros((len(kept), len(none)))
    for row, (column, number) in enumerate(cells):
        coded[row, column] = number
    return kept, coded, np.array(none)


def _spread(
    here: profiles.Index, who: Numbers, kept: Sequence[Named], coded: Points, none: Points
) -> tuple[Points, Points]:
    """Return the mean of each column and how the columns vary together, block by block."""
    column, number = coded.astype(bool).argmax(axis=1), coded.sum(axis=1)
    total, products = np.zeros(len(none)), np.zeros((len(none), len(none)))
    for block in profiles.crossed(here, who, kept):
        cells = block.rows * len(none) + column[block.nodes]
        filled = np.bincount(cells, weights=number[block.nodes], minlength=len(block.who) * len(none))
        filled = filled.reshape(len(block.who), len(none))
        total += filled.sum(axis=0)
        products += filled.T @ filled
    mean = total / len(who)
    return mean + none, products / len(who) - np.outer(mean, mean)

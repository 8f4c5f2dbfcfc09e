"""The regions of a map: H3 cells that nest and share nobody, coarser where few are. Pure.

A region is a cell less what finer regions took out of it. Which cells are regions hangs on what may be shown of each, nothing else: not on where somebody
stands, nor on how far they look. So a circle that moves shows other regions of one and the same map, never other people in a region.

References
----------
https://h3geo.org/docs/core-library/h3Indexing (bits of a cell)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

FINEST: Final = 9
"""Resolution of the cells by which homes are kept."""
USUAL: Final = 8
COARSEST: Final = 5
"""Own value: 250 km2; whoever is still too few there is hidden."""
_DIGITS, _BITS, _AT = 15, 3, 52
Cells = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Shown = Callable[[Ints, int], Mask]
"""Says of groups of communities (the group of each, -1: none; how many groups there are) which may be shown."""


class Regions(NamedTuple):
    """The regions of a map.

    Attributes
    ----------
    cells, resolution, shown
        Cell of each region, how fine it is, and whether its figure is shown.
    of
        The region of each community; -1: it lies nowhere, or is not asked about.
    """

    cells: Cells
    resolution: Ints
    shown: Mask
    of: Ints


def parents(cells: Cells, resolution: int) -> Cells:
    """Return the cell of a coarser resolution in which each cell of resolution 9 lies; 0 stays 0.

    Examples
    --------
    >>> f"{parents(np.array([0x8930ac5349bffff], np.uint64), 8)[0]:x}"
    '8830ac5349fffff'
    """
    finer = np.uint64((1 << _BITS * (_DIGITS - resolution)) - 1)
    coarse: Cells = cells & ~np.uint64(0xF << _AT) | np.uint64(resolution << _AT) | finer
    return np.where(cells == 0, np.uint64(0), coarse)


def regions(cells: Cells, asked: Mask, shown: Shown) -> Regions:
    """Return the regions of communities that lie in `cells` (resolution 9; 0: nowhere), of those that are asked about.

    A cell of resolution 8 is told by its parts where it has several with people and each may be shown. What may not be shown of a cell is put together
    with what is left of its neighbours in the next larger one, up to `COARSEST`; what is left then is hidden, a region for each cell of resolution 8.
    """
    left = asked & (cells != 0)
    of = np.full(len(cells), -1, np.int64)
    made: list[tuple[Cells, int, bool]] = []

    def take(some: Mask, resolution: int, seen: bool) -> None:
        """Make each cell of these communities a region."""
        first = sum(len(found) for found, _, _ in made)
        found, where = np.unique(parents(cells[some], resolution), return_inverse=True)
        of[some] = first + where
        left[some] = False
        made.append((found, resolution, seen))

    take(left & _split(cells, left, shown), FINEST, True)
    for resolution in range(USUAL, COARSEST - 1, -1):
        take(_seen(parents(cells, resolution), left, shown), resolution, True)
    take(left.copy(), USUAL, False)
    sizes = [len(found) for found, _, _ in made]
    return Regions(
        np.concatenate([found for found, _, _ in made]),
        np.repeat(np.array([resolution for _, resolution, _ in made], np.int64), sizes),
        np.repeat(np.array([seen for _, _, seen in made], np.bool_), sizes),
        of,
    )


def _seen(cells: Cells, left: Mask, shown: Shown) -> Mask:
    """Say of each community that is left whether its cell, with those in it who are left, may be shown."""
    found, where = np.unique(cells[left], return_inverse=True)
    groups = np.full(len(cells), -1, np.int64)
    groups[left] = where
    seen = np.append(shown(groups, len(found)), False)
    mine: Mask = seen[groups]
    return mine & left


def _split(cells: Cells, left: Mask, shown: Shown) -> Mask:
    """Say of each community whether its cell of resolution 8 is told by its parts: it has several, and each may be shown."""
    fine = _seen(cells, left, shown)
    coarse = parents(cells, USUAL)
    found, where = np.unique(coarse, return_inverse=True)
    unseen = np.bincount(where, weights=left & ~fine, minlength=len(found)) > 0
    distinct = np.unique(np.stack([coarse[left], cells[left]], axis=1), axis=0)[:, 0]
    many = np.zeros(len(found), np.int64)
    np.add.at(many, np.searchsorted(found, distinct), 1)
    mine: Mask = (~unseen & (many > 1))[where]
    return mine

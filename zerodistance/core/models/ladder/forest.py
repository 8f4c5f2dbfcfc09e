"""Trained trees of several features together, kept as plain numbers: a model can be read, and kept for years, without the program that grew it.

References
----------
J. Friedman: Greedy function approximation (2001); A. Saabas: Interpreting random forests (2014).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

from zerodistance.core.models.ladder.calibration import AS_THEY_ARE, Calibration
from zerodistance.core.models.ladder.columns import Columns, Floats, Ints, how_many, in_blocks, reasons

_NO_SETS = np.zeros((0, 8), np.uint32)  # of the learner: sets of categories, which we have none of
EVERYBODY = float(np.finfo(np.float64).max)
"""The edge of a node that only parts those without a value from the others."""


@dataclass(frozen=True)
class Tree:
    """One tree; an entry a node, the root first.

    Attributes
    ----------
    feature
        Place of the feature that a node looks at; -1: a leaf.
    edge
        A value up to and with it goes left.
    left, right
        Places of the two nodes below.
    lost
        Whether somebody without a value goes left.
    value
        What those at a node get beyond what all get; of a leaf what it adds.
    """

    feature: tuple[int, ...]
    edge: tuple[float, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    lost: tuple[bool, ...]
    value: tuple[float, ...]

    @cached_property
    def nodes(self) -> npt.NDArray[Any]:
        """The same as the learner has it, by which rows are followed in compiled code."""
        nodes = np.zeros(len(self.feature), PREDICTOR_RECORD_DTYPE)
        nodes["value"], nodes["num_threshold"], nodes["missing_go_to_left"] = self.value, self.edge, self.lost
        nodes["feature_idx"], nodes["is_leaf"] = np.maximum(self.feature, 0), np.array(self.feature) < 0
        nodes["left"], nodes["right"] = self.left, self.right
        return nodes

    @cached_property
    def added(self) -> tuple[Ints, Floats]:
        """Which features are looked at, and what each of them adds on the way to each node; shape (nodes, features looked at)."""
        used = np.unique([one for one in self.feature if one >= 0]).astype(np.int64)
        found = np.zeros((len(self.feature), len(used)))
        for n, feature in enumerate(self.feature):  # a node stands before those below it
            if feature >= 0:
                place = int(np.searchsorted(used, feature))
                for below in (self.left[n], self.right[n]):
                    found[below] = found[n]
                    found[below, place] += self.value[below] - self.value[n]
        return used, found


@dataclass(frozen=True)
class Trees:
    """Trees of several features together; a score is the base and what each tree adds.

    Attributes
    ----------
    names
        Of the features, in the order of their places.
    usual
        What each feature adds in the mean of those whom it was trained on.
    calibration
        What chance a score stands for; of trees that say numbers and not chances it means nothing.
    """

    names: tuple[str, ...]
    base: float
    trees: tuple[Tree, ...]
    usual: tuple[float, ...]
    calibration: Calibration = AS_THEY_ARE

    def scores(self, columns: Columns) -> Floats:
        """Return the score of each row: the logarithm of the odds, or the number that was learned."""
        found = np.full(how_many(columns), self.base)
        followed = [_followed(tree.nodes) for tree in self.trees]
        for some, block in in_blocks(columns, self.names):
            matrix, mine = np.stack(list(block.values()), axis=1), found[some]
            for one in followed:
                mine += one(matrix)
        return found

    def chances(self, columns: Columns) -> Floats:
        """Return the probability of each row."""
        return self.calibration.chances(self.scores(columns))

    def contributions(self, columns: Columns) -> Floats:
        """Return what each feature adds to the score of each row: each step of the way through a tree counts for the feature it looks at.

        They and the base are the score. Shape (rows, features).
        """
        found = np.zeros((how_many(columns), len(self.names)))
        numbered = []
        for tree in self.trees:
            nodes = tree.nodes.copy()
            nodes["value"] = np.arange(len(nodes))
            numbered.append((_followed(nodes), *tree.added))
        for some, block in in_blocks(columns, self.names):
            matrix = np.stack(list(block.values()), axis=1)
            for leaf, used, added in numbered:
                found[some, used] += added[leaf(matrix).astype(np.int64)]
        return found

    def reasons(self, columns: Columns, most: int = 3) -> tuple[Ints, Floats]:
        """Return which features add most beyond what they usually do, the most first (-1: none does), and how much; shape (rows, most) each."""
        return reasons(self, np.array(self.usual), columns, most)


def _followed(nodes: npt.NDArray[Any]) -> Any:
    """Return what gives the value of the leaf at which each row of a matrix ends."""
    tree = TreePredictor(nodes, _NO_SETS, _NO_SETS)
    return lambda matrix: tree.predict(matrix, _NO_SETS, np.zeros(matrix.shape[1], np.uint32), 1)

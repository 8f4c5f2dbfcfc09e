"""Growing trees: additive ones, which become a table of points, and those of several features together, with signs that may be demanded.

Rows are dealt into parts. One ensemble is grown without each part, until it says that part no better (scikit-learn's histogram gradient boosting), and
the model is the mean of all of them: nothing is grown twice, and what every row was given by the ensemble that never saw it calibrates the chances.

References
----------
J. Friedman: Greedy function approximation (2001); Y. Lou, R. Caruana, J. Gehrke: Intelligible models for classification and regression (2012);
H. Nori et al.: InterpretML (2019), of which the mean over parts is; scikit-learn: HistGradientBoostingClassifier.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from zerodistance.core.models.ladder import calibration, folds
from zerodistance.core.models.ladder.calibration import Calibration
from zerodistance.core.models.ladder.columns import Columns, Floats, Ints, how_many
from zerodistance.core.models.ladder.forest import EVERYBODY, Tree, Trees
from zerodistance.core.models.ladder.points import Points, Steps

Mask = npt.NDArray[np.bool_]
BINS = 64  # own value: of a feature, at most
_MOST, _PATIENCE = 1_000, 30  # own values: trees at most, trees without a gain before it ends
_ENOUGH = 20_000  # own value: rows whose mean is what is usual
ADDITIVE: Mapping[str, Any] = {"max_leaf_nodes": 2, "learning_rate": 0.2, "min_samples_leaf": 20}
_STUMPS: Mapping[str, Any] = {"max_leaf_nodes": 2}  # else they were no table
TOGETHER: Mapping[str, Any] = {
    "max_leaf_nodes": 8,
    "learning_rate": 0.1,
    "min_samples_leaf": 40,
    "l2_regularization": 5.0,
    "max_features": 0.5,
}
"""Own values; the learning rate and how many trees there are matter little beside the features."""


class Grown(NamedTuple):
    """Trees, and what was said of rows by those that never saw them.

    Attributes
    ----------
    held_out
        The score of each row by the trees that were grown without its part.
    parts
        Of each row.
    """

    trees: Trees
    held_out: Floats
    parts: Ints


def fit_additive(
    columns: Columns,
    labels: Floats,
    *,
    monotone: Mapping[str, int] | None = None,
    households: Any = None,
    seed: int = 0,
    weights: Floats | None = None,
    least: float = 0.01,
    **settings: Any,
) -> Points:
    """Return additive trees as a calibrated table of points: every tree is one threshold of one feature.

    Parameters
    ----------
    labels
        0 and 1.
    monotone
        Feature -> 1 or -1: more of it may only add, or only take away.
    households
        Of each row: those of one are never on both sides when it is found out how many trees there should be.
    weights
        Of each row.
    least
        Features whose points spread less (standard deviation) are left out; all get the mean of them.
    **settings
        `parts`, `bins` and `once`, or of the learner, instead of `ADDITIVE`. `once`: when it is known how many trees are best, they are grown once more of
        all rows, and these alone are kept: a fifth as many to follow, for hardly less.

    Raises
    ------
    TooFewOutcomes
        Of either outcome ten rows are needed, and two in each part.
    """
    grown = grow(columns, labels, {**ADDITIVE, **settings, **_STUMPS}, monotone, households, seed, weights)
    return replace(_as_points(grown.trees, columns, least), calibration=_calibrated(grown, labels, weights))


def fit_together(
    columns: Columns,
    labels: Floats,
    *,
    monotone: Mapping[str, int] | None = None,
    households: Any = None,
    seed: int = 0,
    weights: Floats | None = None,
    **settings: Any,
) -> Trees:
    """Return calibrated trees of several features together; parameters and errors as `fit_additive` has them, settings instead of `TOGETHER`."""
    grown = grow(columns, labels, {**TOGETHER, **settings}, monotone, households, seed, weights)
    return replace(grown.trees, calibration=_calibrated(grown, labels, weights))


def fit_number(
    columns: Columns,
    numbers: Floats,
    *,
    monotone: Mapping[str, int] | None = None,
    households: Any = None,
    seed: int = 0,
    weights: Floats | None = None,
    **settings: Any,
) -> Trees:
    """Return trees whose scores are numbers, such as amounts or differences, by squared errors; they have no chances."""
    return grow(
        columns, numbers, {**TOGETHER, **settings}, monotone, households, seed, weights, chances=False
    ).trees


def grow(
    columns: Columns,
    labels: Floats,
    settings: Mapping[str, Any],
    monotone: Mapping[str, int] | None = None,
    households: Any = None,
    seed: int = 0,
    weights: Floats | None = None,
    chances: bool = True,
) -> Grown:
    """Return the mean of the trees that are grown without each part, and what they said of it; `chances`: of labels of 0 and 1, else of numbers."""
    known = {"parts": folds.PARTS, "bins": BINS, "once": False, **settings}
    many, bins, once = (known.pop(name) for name in ("parts", "bins", "once"))
    signs = [(monotone or {}).get(name, 0) for name in columns]
    learner = (HistGradientBoostingClassifier if chances else HistGradientBoostingRegressor)(
        max_bins=max(bins, 2),
        scoring="loss",
        n_iter_no_change=_PATIENCE,
        tol=0.0,
        monotonic_cst=signs,
        **known,
    )
    edges = [_edges(np.asarray(values, np.float64), bins) for values in columns.values()]
    codes = _codes(columns, edges)
    parts = folds.parts(labels, households, many, seed)
    held_out, grown, best = np.zeros(len(labels)), list[Any](), list[int]()
    for part in range(many):
        here = parts == part
        learner.set_params(max_iter=_MOST, early_stopping=True, random_state=seed * (many + 1) + part)
        model = _learned(learner, codes, labels, weights, ~here, here)
        best.append(int(np.argmax(model.validation_score_)))
        del model._predictors[best[-1] :]
        with threadpool_limits(1, "openmp"):
            held_out[here] = model._raw_predict(codes[here]).ravel()
        grown.append(model)
    if once:
        rounds = max(round(float(np.mean(best))), 1)
        learner.set_params(max_iter=rounds, early_stopping=False, random_state=seed * (many + 1) + many)
        grown = [_learned(learner, codes, labels, weights, np.ones(len(labels), np.bool_), None)]
    return Grown(_mean(grown, edges, columns), held_out, parts)


def _learned(
    learner: Any, codes: Floats, labels: Floats, weights: Floats | None, rest: Mask, here: Mask | None
) -> Any:
    """Return what is learned of the rest of the rows, until it says those held out no better."""
    matrix = codes[rest]
    matrix[:, np.isnan(matrix).all(axis=0)] = 0.0  # the learner wants a value in each column
    given = {} if here is None else {"X_val": codes[here], "y_val": labels[here]}
    if weights is not None:
        given["sample_weight"] = weights[rest]
        if here is not None:
            given["sample_weight_val"] = weights[here]
    # More threads would wait for one another, and for whoever else needs the machine.
    with threadpool_limits(1, "openmp"):
        return clone(learner).fit(matrix, labels[rest], **given)


def _mean(grown: Sequence[Any], edges: Sequence[Floats], columns: Columns) -> Trees:
    """Return the mean of ensembles as plain numbers."""
    base, trees = 0.0, list[Tree]()
    for model in grown:
        plain = [_plain(one.nodes, edges, len(grown)) for (one,) in model._predictors]
        base += float(np.ravel(model._baseline_prediction)[0]) / len(grown) + sum(root for root, _ in plain)
        trees += [tree for _, tree in plain if len(tree.feature) > 1]
    found = Trees(tuple(columns), base, tuple(trees), ())
    return replace(found, usual=_usual(found, columns))


def _edges(values: Floats, bins: int) -> Floats:
    """Return values that part a column into bins about as large as one another; those that occur, so that they read well."""
    known = np.sort(values[~np.isnan(values)])
    some = np.unique(known)
    if len(some) > bins:
        some = np.unique(known[np.arange(1, bins) * len(known) // bins])
        some = some[some < known[-1]]
    else:
        some = some[:-1]
    found: Floats = some
    return found


def _codes(columns: Columns, edges: Sequence[Floats]) -> Floats:
    """Return the bin of each value, shape (rows, features); NaN: no value."""
    found = np.empty((how_many(columns), len(edges)))
    for n, (column, mine) in enumerate(zip(columns.values(), edges, strict=True)):
        values = np.asarray(column, np.float64)
        found[:, n] = np.where(np.isnan(values), np.nan, np.searchsorted(mine, values, side="left"))
    return found


def _plain(nodes: npt.NDArray[Any], edges: Sequence[Floats], many: int) -> tuple[float, Tree]:
    """Return what all get of a tree of bins, and the tree as plain numbers with what is added beyond that; each one of `many`."""
    leaf = nodes["is_leaf"].astype(np.bool_)
    value = np.where(leaf, nodes["value"], 0.0) / many
    # A node stands before those below it; what is inside is the mean of what is below.
    for n in np.flatnonzero(~leaf)[::-1]:
        below = [nodes["left"][n], nodes["right"][n]]
        value[n] = np.average(value[below], weights=nodes["count"][below])
    edge = [
        0.0 if end else float(edges[feature][int(at)]) if at < len(edges[feature]) else EVERYBODY
        for end, feature, at in zip(leaf, nodes["feature_idx"], nodes["num_threshold"], strict=True)
    ]
    tree = Tree(
        tuple(np.where(leaf, -1, nodes["feature_idx"]).tolist()),
        tuple(edge),
        tuple(np.where(leaf, 0, nodes["left"]).tolist()),
        tuple(np.where(leaf, 0, nodes["right"]).tolist()),
        tuple((nodes["missing_go_to_left"].astype(np.bool_) & ~leaf).tolist()),
        tuple((value - value[0]).tolist()),
    )
    return float(value[0]), tree


def _usual(trees: Trees, columns: Columns) -> tuple[float, ...]:
    """Return what each feature adds in the mean, over a part of the rows if there are many."""
    step = -(-max(how_many(columns), 1) // _ENOUGH)
    return tuple(
        trees.contributions({name: values[::step] for name, values in columns.items()}).mean(axis=0).tolist()
    )


def _calibrated(grown: Grown, labels: Floats, weights: Floats | None) -> Calibration:
    """Return the calibration of the mean by what was held out.

    The mean of several ensembles is a little closer to the middle than each of them: what one says of rows that it never saw is the best there is to go by.
    """
    return calibration.fit(grown.held_out, labels, grown.parts, weights)


def _as_points(grown: Trees, columns: Columns, least: float = 0.0) -> Points:
    """Return trees of one threshold each as a table, without features whose points spread less."""
    base = grown.base
    # What is added where a value goes beyond an edge, to the lowest value, and where there is none.
    jumps: dict[str, dict[float, float]] = defaultdict(lambda: defaultdict(float))
    lowest: dict[str, float] = defaultdict(float)
    missing: dict[str, float] = defaultdict(float)
    for tree in grown.trees:
        name, edge = grown.names[tree.feature[0]], tree.edge[0]
        low, high = tree.value[tree.left[0]], tree.value[tree.right[0]]
        lowest[name] += low
        jumps[name][edge] += high - low
        missing[name] += low if tree.lost[0] else high
    steps = []
    for name in (name for name in grown.names if name in jumps):
        edges = sorted(edge for edge in jumps[name] if edge < EVERYBODY)
        points = np.cumsum([lowest[name], *(jumps[name][edge] for edge in edges)])
        one = Steps(name, tuple(edges), tuple(points.tolist()), missing[name])
        added = one.of(np.asarray(columns[name], np.float64))
        if added.std() < least:
            base += float(added.mean())
        else:
            steps.append(replace(one, usual=float(added.mean())))
    return Points(base, tuple(steps))


__all__ = [
    "ADDITIVE",
    "TOGETHER",
    "Grown",
    "Tree",
    "Trees",
    "fit_additive",
    "fit_number",
    "fit_together",
    "grow",
]

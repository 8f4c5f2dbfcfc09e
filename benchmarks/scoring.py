"""Scores of very many persons: trees and a table of points over 50 features, in one thread, beside the same trees in the program that others grow them with.

Half of the features are numbers, half are counts; twenty tell something. Rows are made block by block from a seed, and only what scores them is timed.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from benchmarks.lib.machine import arguments, peak_mb, report, say
from zerodistance.core.models.ladder import trees
from zerodistance.core.models.ladder.columns import Columns, Floats, chances

_FEATURES, _TRAINED, _BLOCK = 50, 50_000, 250_000
_EVERYBODY = 140_000_000


def main() -> None:
    """Train on a sample, score block by block."""
    parser = arguments(__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    options = parser.parse_args()
    columns = _made(_TRAINED, 1)
    labels = (np.random.default_rng(2).random(_TRAINED) < chances(_truth(columns))).astype(np.float64)
    began = time.process_time()
    table = trees.fit_additive(columns, labels)
    additive_s = time.process_time() - began
    together = trees.fit_together(columns, labels, once=True)
    full_s = time.process_time() - began - additive_s
    say(f"trained: {len(table.steps)} features with points, {len(together.trees)} trees")
    connection = duckdb.connect(config={"threads": 1})
    ways: dict[str, Callable[[Columns], Any]] = {
        "gbm": together.scores,
        "points": table.scores,
        "points_sql": lambda some: _asked(connection, table.sql(), some),
        "points_reasons": table.reasons,
        **_peers(columns, labels, len(together.trees)),
    }
    spent: dict[str, float] = defaultdict(float)
    apart = 0.0
    for n in range(-(-options.rows // _BLOCK)):
        block = _made(min(_BLOCK, options.rows - n * _BLOCK), 100 + n)
        said: dict[str, Any] = {}
        for name, way in ways.items():
            began = time.process_time()
            said[name] = way(block)
            spent[name] += time.process_time() - began
        apart = max(apart, float(np.abs(said["points"] - said["points_sql"]).max()))
    report(
        "scoring",
        rows=options.rows,
        features=_FEATURES,
        features_with_points=len(table.steps),
        trees=len(together.trees),
        nodes=sum(len(tree.feature) for tree in together.trees),
        us_a_row={name: cpu / options.rows * 1e6 for name, cpu in spent.items()},
        **{f"{name}_140m_cpu_min": cpu / options.rows * _EVERYBODY / 60 for name, cpu in spent.items()},
        sql_apart=f"{apart:.1e}",
        trained_rows=_TRAINED,
        additive_fit_cpu_s=additive_s,
        full_fit_cpu_s=full_s,
        peak_rss_mb=peak_mb(os.getpid()),
    )


def _made(rows: int, seed: int) -> dict[str, Floats]:
    luck = np.random.default_rng(seed)
    return {
        f"f{n}": luck.poisson(3, rows).astype(np.float64) if n % 2 else luck.normal(size=rows)
        for n in range(_FEATURES)
    }


def _truth(columns: Columns) -> Floats:
    found: Floats = columns["f0"] * (columns["f1"] > 2) + 0.5 * columns["f2"] * columns["f4"] - 2
    for n in range(5, 20):
        found = found + 0.15 * (n % 4) * (columns[f"f{n}"] > n % 3)
    return found


def _asked(connection: duckdb.DuckDBPyConnection, sql: str, some: Columns) -> Floats:
    connection.register("rows", pa.table(dict(some)))
    found: Floats = connection.execute(f"select {sql} as score from rows").fetchnumpy()["score"]
    return found


def _peers(columns: Columns, labels: Floats, many: int) -> dict[str, Callable[[Columns], Any]]:
    """Return LightGBM with as many trees as large, where it is installed."""
    try:
        import lightgbm
    except ImportError:
        return {}
    matrix = np.stack(list(columns.values()), axis=1)
    leaves = trees.TOGETHER["max_leaf_nodes"]
    model = lightgbm.LGBMClassifier(n_estimators=many, num_leaves=leaves, n_jobs=1, verbose=-1).fit(
        matrix, labels
    )
    return {
        "lightgbm": lambda some: model.booster_.predict(
            np.stack(list(some.values()), axis=1), num_threads=1, raw_score=True
        )
    }


if __name__ == "__main__":
    main()

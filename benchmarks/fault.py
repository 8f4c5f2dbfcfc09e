"""What fails and when: AI4I's milling machine (average precision), and the cycles that NASA's engines of FD001 have left (root of the mean squared error).

Which features each is given is shown one after the other: readings, what physics makes of them, what engineers say; and of engines the readings of the
moment, means, and what has changed since an engine's own first cycles. Settings were chosen by what was held out of the rows trained on.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.lib import engines, tables
from benchmarks.lib.machine import report, say
from benchmarks.lib.repeated import Floats, figure, held_out, missed, over_seeds
from zerodistance.core.models import measures
from zerodistance.core.models.ladder import trees

_FINE: Mapping[str, Any] = {"bins": 255, "min_samples_leaf": 10}  # failures are rare, and begin at a limit
_STRAIN = np.array([11_000.0, 12_000.0, 13_000.0])  # minute newton metres that a tool of each grade bears


def main() -> None:
    """Measure both sets."""
    options = tables.options(__doc__).parse_args()
    report("fault", **_milling(tables.milling(options.data), options.seeds), **_engines(options))


def _milling(table: tables.Table, seeds: int) -> dict[str, Any]:
    readings = table.columns
    physics = {**readings, **_physics(readings)}
    rules = {**physics, **_rules(physics)}
    broken = _rules(physics)
    alone = np.tile(sum(broken.values()), (seeds, 1))
    said: dict[str, Floats] = {}
    for name, columns in {"readings": readings, "physics": physics, "rules": rules}.items():
        said[name] = held_out(
            columns,
            table.labels,
            lambda some, came, seed: trees.fit_together(some, came, seed=seed, **_FINE).chances,
            seeds,
        )
        say(f"{name}: done")
    precision = measures.average_precision
    return {
        "machines": len(table.labels),
        "failed": int(table.labels.sum()),
        "seeds": seeds,
        "average_precision": figure(precision, said["rules"], table.labels),
        "physics_average_precision": figure(precision, said["physics"], table.labels),
        "readings_average_precision": figure(precision, said["readings"], table.labels),
        "rules_alone_average_precision": figure(precision, alone, table.labels),
        "over_rules_alone": figure(precision, said["rules"], table.labels, alone),
        "over_readings": figure(precision, said["rules"], table.labels, said["readings"]),
        "ece": missed(said["rules"], table.labels),
    }


def _physics(columns: dict[str, Floats]) -> dict[str, Floats]:
    """Return what follows from the readings: heat that can be carried away, power (W), and strain of the tool."""
    return {
        "heat": columns["process"] - columns["air"],
        "power": columns["torque"] * columns["speed"] * 2 * np.pi / 60,
        "strain": columns["torque"] * columns["wear"],
    }


def _rules(columns: dict[str, Floats]) -> dict[str, Floats]:
    """Return the limits in the description of the machine (S. Matzka, 2020), and whether each is broken."""
    bears = _STRAIN[columns["grade"].astype(np.int64)]
    said = {
        "too hot": (columns["heat"] < 8.6) & (columns["speed"] < 1380),
        "power out of bounds": (columns["power"] < 3500) | (columns["power"] > 9000),
        "overstrained": columns["strain"] > bears,
        "worn": columns["wear"] >= 200,
    }
    return {name: one.astype(np.float64) for name, one in said.items()}


def _engines(options: Any) -> dict[str, Any]:
    train, test = (tables.engines(options.data, part) for part in ("train", "test"))
    sensors = engines.moving(train)
    labels, truth = engines.left(train), engines.left(test, tables.cycles_left(options.data))
    last = np.r_[np.flatnonzero(np.diff(test[:, 0])), len(test) - 1]
    made = {
        "moment": (engines.of_the_moment,),
        "means": (engines.means,),
        "since_first": (engines.means, engines.since_first),
    }
    found: dict[str, list[float]] = {}
    inside: dict[str, list[float]] = {}
    began = time.process_time()
    for name, makers in made.items():
        columns, new = (
            {k: v for maker in makers for k, v in maker(rows, sensors).items()} for rows in (train, test)
        )
        for seed in range(options.seeds):
            grown = trees.grow(
                columns, labels, trees.TOGETHER, households=train[:, 0], seed=seed, chances=False
            )
            said = np.minimum(
                grown.trees.scores({key: values[last] for key, values in new.items()}), engines.MOST
            )
            found.setdefault(name, []).append(measures.rmse(said, truth[last]))
            inside.setdefault(name, []).append(measures.rmse(grown.held_out, labels))
        say(f"{name}: {np.mean(found[name]):.2f} cycles, held out {np.mean(inside[name]):.2f}")
    usual = np.full(len(last), labels.mean())
    return {
        "engines": len(last),
        "rmse": over_seeds(found["since_first"]),
        "means_rmse": over_seeds(found["means"]),
        "moment_rmse": over_seeds(found["moment"]),
        "mean_rmse": measures.rmse(usual, truth[last]),
        "held_out_rmse": {name: float(np.mean(each)) for name, each in inside.items()},
        "engines_cpu_s": time.process_time() - began,
    }


if __name__ == "__main__":
    main()

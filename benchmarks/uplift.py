"""Whom an e-mail moves: 64,000 customers of a shop in a trial with two e-mails and none (Hillstrom), each learner examined on customers it never saw.

With each seed customers are dealt into two halves; a model of one says the other, and the other way round. Beside the uplift learners stand the
response model, which says the chance of those who had the e-mail, on our learners and on those that others take as they come (scikit-learn's trees,
LightGBM where it is installed); a model of who buys at all, which doesn't know who had it; and a score by recency and amount. The gate is asked of
each seed. Intervals draw customers and seeds.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from benchmarks.lib import public
from benchmarks.lib.machine import report, say
from benchmarks.lib.repeated import Floats, Measure, figure
from zerodistance.core.models import measures
from zerodistance.core.models.ladder import uplift
from zerodistance.core.models.ladder.columns import Columns

_ORIGIN = "it is the file of the MineThatData e-mail analytics challenge (2008)"
_ARMS = {"women": "Womens E-Mail", "men": "Mens E-Mail"}
_NUMBERS = ("recency", "history", "mens", "womens", "newbie")
_WORDS = ("zip_code", "channel")
_SHARE = 0.3


def main() -> None:
    """Examine both arms."""
    parser = public.options(__doc__)
    parser.add_argument("--outcome", default="visit", choices=("visit", "conversion"))
    options = parser.parse_args()
    rows = read(public.found(options.data, "hillstrom.csv", "uplift", origin=_ORIGIN))
    began = time.process_time()
    arms = {arm: examine(rows, _ARMS[arm], options.outcome, options.seeds) for arm in _ARMS}
    women = arms["women"]
    report(
        "uplift",
        outcome=options.outcome,
        seeds=options.seeds,
        qini=women["qini"]["x"],
        over_response_30=women["times_30"]["response"],
        over_peers_30={name: women["times_30"][name] for name in _peers()},
        over_anybody_30=women["times_30"]["anybody"],
        gate_opens={arm: found["gate_opens"] for arm, found in arms.items()},
        cpu_s=time.process_time() - began,
        arms=arms,
    )


def read(path: Path) -> dict[str, Any]:
    """Return `features` by name, words as a column of 0 and 1 each; `arm`; and the outcomes."""
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    features = {name: np.array([float(row[name]) for row in rows]) for name in _NUMBERS}
    for name in _WORDS:
        said = np.array([row[name] for row in rows])
        features |= {f"{name}: {word}": (said == word).astype(np.float64) for word in np.unique(said)}
    outcomes = {name: np.array([float(row[name]) for row in rows]) for name in ("visit", "conversion")}
    return {"features": features, "arm": np.array([row["treatment"] for row in rows]), **outcomes}


def examine(rows: dict[str, Any], arm: str, outcome: str, seeds: int) -> dict[str, Any]:
    """Return the figures of each method, and what the gate said."""
    some = np.flatnonzero(np.isin(rows["arm"], (arm, "No E-Mail")))
    columns = {name: values[some] for name, values in rows["features"].items()}
    treated, outcomes = rows["arm"][some] == arm, rows[outcome][some]
    said: dict[str, Floats] = {}
    for name, (fit, learners) in {**uplift.METHODS, **_peers()}.items():
        began = time.process_time()
        said[name] = np.stack(
            [
                uplift.held_out(columns, treated, outcomes, _fit(fit, learners(seed)), seed=seed)
                for seed in range(seeds)
            ]
        )
        say(f"{arm}, {name}: {(time.process_time() - began) / (2 * seeds):.2f} s a fit")
    lately, much = measures.ranks(-columns["recency"]), measures.ranks(columns["history"])
    said["recency_amount"] = np.tile(lately + much, (seeds, 1))
    gates = [uplift.gate(*both, treated, outcomes) for both in zip(said["x"], said["response"], strict=True)]
    say(f"{arm}: the gate opens {sum(one.opens for one in gates)} times of {seeds}")

    both = 2.0 * treated + outcomes  # what the measures of a score and one label take for the label
    curves = [measures.uplift_curve(one, treated, outcomes) for one in said["x"]]
    tenths = np.linspace(0, 1, 11)
    return {
        "customers": len(some),
        "qini": {name: figure(_qini, one, both) for name, one in said.items()},
        "over_response": figure(_qini, said["x"], both, said["response"]),
        "added_30": {name: figure(_added, one, both) for name, one in said.items()},
        "times_30": {name: _times(_added, said["x"], one, both) for name, one in said.items() if name != "x"},
        "gate_opens": sum(one.opens for one in gates),
        "gate": [one.better._asdict() for one in gates],
        "curve": np.mean([np.interp(tenths, one.share, one.gain) for one in curves], axis=0)
        .round(5)
        .tolist(),
    }


def _peers() -> dict[str, tuple[Callable[..., uplift.Said], Callable[[int], uplift.Learners]]]:
    """Return response models on trees as they come: what is meant where somebody says response model and no more."""

    def of(make: Callable[[int], Any]) -> Callable[[int], uplift.Learners]:
        def learners(seed: int) -> uplift.Learners:
            def chance(columns: Columns, labels: Floats, _: Any) -> uplift.Said:
                with threadpool_limits(1):
                    model = make(seed).fit(_matrix(columns), labels)
                return lambda some: np.asarray(model.predict_proba(_matrix(some))[:, 1])

            return uplift.Learners(chance, chance)

        return learners

    found = {"response_sklearn": (uplift.fit_response, of(lambda seed: HistGradientBoostingClassifier(random_state=seed)))}  # fmt: skip
    try:  # a peer that need not be there
        from lightgbm import LGBMClassifier
    except ImportError:
        return found
    lightgbm = of(lambda seed: LGBMClassifier(verbose=-1, n_jobs=1, random_state=seed))
    return found | {"response_lightgbm": (uplift.fit_response, lightgbm)}


def _matrix(columns: Columns) -> Floats:
    return np.stack([np.asarray(values, np.float64) for values in columns.values()], axis=1)


def _fit(fit: Callable[..., uplift.Said], learners: uplift.Learners) -> uplift.Fit:
    return lambda columns, treated, outcomes, households: fit(
        columns, treated, outcomes, households, learners
    )


def _qini(scores: Floats, both: Floats) -> float:
    return measures.qini(scores, both >= 2, both % 2)


def _added(scores: Floats, both: Floats) -> float:
    return uplift.added(scores, both >= 2, both % 2, _SHARE)


def _times(measure: Measure, mine: Floats, other: Floats, both: Floats, draws: int = 400) -> dict[str, float]:
    """Return how many times another's figure ours is, by the means over seeds; its 95 % interval, customers and seeds drawn, the same for both."""
    luck, many = np.random.default_rng(0), both.shape[0]
    drawn = []
    for _ in range(draws):
        seed, rows = int(luck.integers(len(mine))), luck.integers(0, many, many)
        drawn.append(measure(mine[seed, rows], both[rows]) / measure(other[seed, rows], both[rows]))
    value = np.mean([measure(one, both) for one in mine]) / np.mean([measure(one, both) for one in other])
    low, high = np.quantile(drawn, [0.025, 0.975])
    return {"value": float(value), "low": float(low), "high": float(high)}


if __name__ == "__main__":
    main()

"""How right the models are in sample cities that nothing was chosen with: against the year that came, the rules of thumb, and a witness of the truth.

Each city is made, taken in and matched as the product does; models are trained up to the day of export and score as of that day. What then came is the truth's:
whether the person decided to buy the brand's within half a year. The bound is what trees make of everything that a witness knows on that day (who is in
need, how long each appliance will last), learned half a year before. Personalities are the truth's too: `r1_engagement` and `r2_integrity` are rank
correlations with what the person is like.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.lib import filled
from benchmarks.lib.citizens import Citizens
from benchmarks.lib.machine import arguments, report, say, workspace
from benchmarks.lib.repeated import over_seeds
from zerodistance.core.models import api, features, measures, registry, training
from zerodistance.core.models.contracts import Model, TooFewOutcomes, Version
from zerodistance.core.models.features import View
from zerodistance.core.models.ladder import trees
from zerodistance.core.models.ladder.columns import Floats
from zerodistance.core.models.ladder.kept import Model as Kept
from zerodistance.core.profiles import api as profiles
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home, open_home
from zerodistance.kernel.settings import load

UNTIL = date(2026, 11, 1)
"""The day of export of every city."""
WHO = Who.system("benchmark")
_OWN = ("n3_repeat", "n3_care", "n4", "n5", "r3_value", "r4_dormancy")
"""Models whose figures are those of their own evaluation, on outcomes that the product saw."""


def main() -> None:
    """Measure every city, and report means over seeds."""
    parser = arguments(__doc__)
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument(
        "--seeds",
        type=int,
        nargs="+",
        default=[4, 5, 6],
        help="1 to 3 are those that values were chosen with",
    )
    parser.add_argument("--worlds", nargs="+", default=["base", "shifted"])
    parser.add_argument(
        "--root", type=Path, help="a folder with `city` and a `home` where it is taken in: that one alone"
    )
    options = parser.parse_args()
    found: dict[str, dict[int, dict[str, float]]] = {}
    if options.root:
        found["given"] = {0: measured(options.root)}
    for world in () if options.root else options.worlds:
        found[world] = {}
        for seed in options.seeds:
            with workspace(options.folder) as root:
                filled.made(root, options.people, seed, world, processes=1).run("profiles", "rebuild")
                found[world][seed] = measured(root)
                say(f"{world} {seed}: {found[world][seed]}")
    means = {
        ("" if n == 0 else f"{world}_") + key: over_seeds(
            [one[key] for one in by_seed.values() if key in one]
        )
        for n, (world, by_seed) in enumerate(found.items())
        for key in sorted({key for one in by_seed.values() for key in one})
    }
    report(
        "city_models", people=options.people, seeds=options.seeds, **{key: one["value"] for key, one in means.items()},
        over_seeds=means,
    )  # fmt: skip


def measured(root: Path) -> dict[str, float]:
    """Train and examine every model in a home below `root`; return measures by name."""
    home = open_home(load(home=root / "home"))
    found = dict[str, float]()
    for key in ("n1", "n2"):
        for kind in ("points", "trees"):
            version = api.train(home, WHO, key, kind=kind, until=UNTIL)
            found |= {f"{key}_{kind}_{name}": value for name, value in _own(version).items()}
    found |= _against_the_truth(home, root / "city")
    for key in _OWN:
        try:
            found |= {
                f"{key}_{name}": value for name, value in _own(api.train(home, WHO, key, until=UNTIL)).items()
            }
        except TooFewOutcomes as error:
            say(f"{key}: {error}")
    found |= _personalities(home, root / "city")
    home.close()
    return found


def _own(version: Version) -> dict[str, float]:
    """Return the figures of a version that are worth a line: of its own evaluation, with `evaluated_` in front."""
    wanted = (
        "auc", "auc_within", "lift_top10", "rules_auc", "ece", "ahead", "average_precision", "rank", "top10_share",
        "rules_top10_share", "qini", "rules_qini", "effect",
    )  # fmt: skip
    found = {
        f"evaluated_{name}": float(version.figures[name]["value"])
        for name in wanted
        if name in version.figures
    }
    return {**found, "beats_rules": float(version.beats_rules)}


def _against_the_truth(home: Home, city: Path) -> dict[str, float]:
    days = api.model("n1").horizon_days
    view, before = (_view(home, day) for day in (UNTIL, UNTIL - timedelta(days=days)))
    found = dict[str, float]()
    for key in ("n1", "n2"):
        model = api.model(key)
        learned, came_then, _ = _witnessed(before, city, model, UNTIL - timedelta(days=days), days)
        knows, came, mine = _witnessed(view, city, model, UNTIL, days)
        witness = trees.fit_together(learned, came_then)
        said: dict[str, Floats] = {"oracle": witness.chances(knows), "rules": model.rules.scores(mine)}
        for number, name in ((1, "points"), (2, "trees")):
            said[name] = registry.read(home, key, number)[1].chances(mine)
        targets = mine["_target"].astype(np.int64)
        for name, scores in said.items():
            found[f"{key}_{name}_auc"] = measures.auc(scores, came)
            found[f"{key}_{name}_auc_within"] = measures.auc_within(scores, came, targets)
            found[f"{key}_{name}_lift_top10"] = measures.lift(scores, came)
            found[f"{key}_{name}_average_precision"] = measures.average_precision(scores, came)
        for name in ("points", "trees"):
            found[f"{key}_{name}_over_rules"] = (
                found[f"{key}_{name}_lift_top10"] / found[f"{key}_rules_lift_top10"] - 1
            )
        found[f"{key}_came"] = float(came.sum())
    return found


def _witnessed(
    view: View, city: Path, model: Model, day: date, days: int
) -> tuple[dict[str, Floats], Floats, dict[str, Floats]]:
    """Return what a witness knows, what came, and the features of everybody whom a model is asked about on a day, known to the truth."""
    parts: list[dict[str, Floats]] = []
    people, categories = list[Any](), list[Any]()
    for n, target in enumerate(model.targets):
        who = features.among(view, model, target)
        parts.append({**features.columns(view, who, model, target), "_target": np.full(len(who), float(n))})
        people.append(who)
        categories.append(np.full(len(who), target))
    who = np.concatenate(people)
    citizens = Citizens(view.home, city, view.here)
    known, came = citizens.known(who, np.concatenate(categories), day, days)
    real = citizens.of(who)[0] >= 0
    mine = {key: np.concatenate([one[key] for one in parts])[real] for key in parts[0]}
    return {key: values[real] for key, values in known.items()}, came[real], mine


def _personalities(home: Home, city: Path) -> dict[str, float]:
    view = _view(home, UNTIL)
    citizens = Citizens(home, city, view.here)
    found = dict[str, float]()
    for key, trait in (
        ("r1_activity", "engagement"),
        ("r2_integrity", "integrity"),
        ("r5_stage", "engagement"),
    ):
        model = api.model(key)
        version = api.train(home, WHO, key, until=UNTIL)
        found |= {f"{key}_{name}": value for name, value in _own(version).items() if name != "beats_rules"}
        kept: Kept = registry.read(home, key, version.number)[1]
        who = features.among(view, model, "")
        (traits,) = citizens.traits(who, trait)
        said = training.said(model, kept, features.columns(view, who, model, ""))
        real = ~np.isnan(traits)
        found[f"{key[:2]}_{trait}"] = measures.rank_correlation(said[real], traits[real])
    return found


def _view(home: Home, day: date) -> View:
    moment = api.moment(home, day)
    profiles.make_past(home, WHO, moment)
    return View(home, profiles.past(home, WHO, moment))


if __name__ == "__main__":
    main()

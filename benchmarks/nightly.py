"""What a night takes: everybody's features made anew, the score of every champion for everybody, and the scores as tags.

A sample city of `--people` is taken in (`--root` takes a home that is there), and every model is trained up to its day of export, or taken over from the
registry of another home (`--models`): versions are the same files everywhere. `features_s` is the worst case, states and tag index made anew from the log,
which a running home never does: it keeps them. A version is promoted whatever its gate says: the time is the same.
"""

from __future__ import annotations

import os
import shutil
import time
from datetime import date
from pathlib import Path

from benchmarks.lib import filled
from benchmarks.lib.machine import peak_mb, report, say
from zerodistance.core.models import api, registry
from zerodistance.core.models.catalogue import MODELS
from zerodistance.core.models.contracts import TooFewOutcomes
from zerodistance.core.profiles import api as profiles
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home, open_home
from zerodistance.kernel.settings import load

UNTIL = date(2026, 11, 1)
WHO = Who.system("benchmark")


def main() -> None:
    """Make or take a home, and time a night."""
    parser = filled.arguments(__doc__, people=100_000)
    parser.add_argument(
        "--models", type=Path, help="the folder `models` of a home whose champions are taken over"
    )
    options = parser.parse_args()
    with filled.given(options) as root:
        home = open_home(load(home=root / "home"))
        began = time.perf_counter()
        profiles.rebuild(home, WHO)
        features = time.perf_counter() - began
        say(f"features in {features:.0f} s")
        _champions(home, options.models)
        began = time.perf_counter()
        given = api.score(home, WHO)
        models = time.perf_counter() - began
        say(f"{sum(given.values()):,} scores in {models:.0f} s")
        began = time.perf_counter()
        profiles.refresh(home)
        tags = time.perf_counter() - began
        found = profiles.current(home)
        report(
            "nightly", persons=len(found.universe.persons), visitors=len(found.universe.visitors), models=len(given),
            scores=sum(given.values()), features_s=features, models_s=models, tags_s=tags, round_s=features + models + tags,
            peak_rss_mb=peak_mb(os.getpid()),
        )  # fmt: skip
        home.close()


def _champions(home: Home, models: Path | None) -> None:
    if models is not None:
        shutil.copytree(models, home.path("models"), dirs_exist_ok=True)
    for key in MODELS:
        if registry.history(home, key):
            continue
        try:
            version = api.train(home, WHO, key, until=UNTIL)
        except TooFewOutcomes as error:
            say(f"{key}: {error}")
            continue
        registry.crown(home, key, version.number, WHO.name)


if __name__ == "__main__":
    main()

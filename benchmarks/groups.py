"""Groups: a made town of `--people` in `--kinds` kinds, which groups have to find again; everybody assigned by the product; and a published k-means beside it.

Every step is a process of its own. The town has sixty dimensions of four nodes, of which half have nothing to do with the kinds;
`--sure` is how often somebody is at the node that their kind prefers. With `--root` groups are made of a home that is there, and how stable
they are and what they are called is told.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.lib import planted
from benchmarks.lib.house import House
from benchmarks.lib.machine import arguments, report, say, workspace
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.contracts import Bands
from zerodistance.core.segments.groups import api as groups
from zerodistance.core.segments.groups import describing, features, kmeans, making, stability
from zerodistance.core.segments.groups.contracts import Asked, Model
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home, open_home
from zerodistance.kernel.settings import load
from zerodistance.kernel.text import Text

WHO = Who.system("benchmark")
_DIMENSIONS = 60


def main() -> None:
    """Write the town, make groups, assign everybody, compare."""
    parser = arguments(__doc__)
    parser.add_argument("--people", type=int, default=1_000_000, help="persons in the town")
    parser.add_argument("--kinds", type=int, default=5, help="kinds of persons in it")
    parser.add_argument("--sure", type=float, default=0.6, help="how often somebody is where their kind is")
    parser.add_argument("--root", type=Path, help="a home that is there, in the place of the town")
    options = parser.parse_args()
    if options.root is not None:
        report("groups", root=True, **_own("look", options.root, []))
        return
    words = [str(options.people), str(options.kinds), str(options.sure)]
    with workspace(options.folder) as root:
        house = House(root)
        say(f"writing the index of {options.people:,} persons in {options.kinds} kinds")
        _own("town", house.home, words)
        say("making groups, and assigning everybody")
        figures = _own("make", house.home, words)
        say("k-means of scikit-learn on everybody")
        figures |= _own("peer", house.home, words)
    report("groups", people=options.people, kinds=options.kinds, sure=options.sure, **figures)


def _own(step: str, home: Path, words: list[str]) -> dict[str, Any]:
    """Do a step in a process of its own, and return what it says."""
    command = [sys.executable, "-m", "benchmarks.groups", step, str(home), *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return dict(json.loads(done.stdout))


def _of(people: int, kinds: int) -> planted.Kinds:
    """Return the kind of each person: the first is the largest."""
    weights = np.arange(kinds, 0, -1) + 1.0
    return np.random.default_rng(7).choice(kinds, people, p=weights / weights.sum())


def town(home: Home, people: int, kinds: int, sure: float) -> dict[str, Any]:
    """Write the index."""
    bands = [
        one.key
        for one in making.dimensions(Asked(), profiles.dimensions(None))
        if isinstance(one.nodes, Bands) and len(one.nodes.bands) >= 4
    ]
    keys = [*planted.VALUES, *bands][:_DIMENSIONS]
    luck = np.random.default_rng(11)
    planted.plant(home, _of(people, kinds), luck, sure=sure, keys=keys[::2], noise=keys[1::2])
    return {}


def make(home: Home, people: int, kinds: int, sure: float) -> dict[str, Any]:
    """Make groups and assign everybody, as the command does."""
    here, of = profiles.current(home), _of(people, kinds)
    began, cpu = time.perf_counter(), time.process_time()
    found = making.make(here, Asked(), profiles.dimensions(None), here.universe.persons, _say)
    figures: dict[str, Any] = {"fit_s": time.perf_counter() - began, "fit_cpu_s": time.process_time() - cpu}
    figures["groups"] = len(found.centres)
    figures["strength"] = {one.groups: one.strength for one in found.tried}
    figures["ari"] = {one.groups: one.ari for one in found.tried}
    figures["fit_peak_rss_mb"] = _peak()
    if not len(found.centres):
        return figures
    groups.fit(home, WHO, "types", Asked(groups=len(found.centres)))
    began, cpu = time.perf_counter(), time.process_time()
    groups.assign(home, WHO, "types")
    figures |= {"assign_s": time.perf_counter() - began, "assign_cpu_s": time.process_time() - cpu}
    places = _everybody(here, found)
    figures["recovered_ari"] = stability.adjusted_rand(places, of)
    return figures | {"peak_rss_mb": _peak()}


def _everybody(here: profiles.Index, found: making.Made) -> kmeans.Places:
    everybody = np.frombuffer(here.universe.persons.to_array(), np.uint32)
    blocks = features.points(here, everybody, found.space)
    return np.concatenate([kmeans.nearest(block, found.centres)[0] for _, block in blocks])


def peer(home: Home, people: int, kinds: int, sure: float) -> dict[str, Any]:
    """Group everybody, not a sample, by the k-means of scikit-learn, where it is installed; as many groups and where we put persons."""
    try:
        from sklearn.cluster import KMeans
    except ImportError:
        return {}
    here = profiles.current(home)
    space = making.space_of(_model(home))
    everybody = np.frombuffer(here.universe.persons.to_array(), np.uint32)
    whole = np.concatenate([block for _, block in features.points(here, everybody, space)])
    centres = np.array(list(_model(home).centres.values()), np.int64)
    places, apart = kmeans.nearest(whole, centres)
    began, cpu = time.perf_counter(), time.process_time()
    found = KMeans(len(centres), n_init=making.STARTS, random_state=1).fit(whole / features.SCALE)
    return {
        "sklearn_s": time.perf_counter() - began,
        "sklearn_cpu_s": time.process_time() - cpu,
        "inertia_ratio": float(apart.sum()) / features.SCALE**2 / float(found.inertia_),
        "sklearn_ari": stability.adjusted_rand(places, found.labels_.astype(np.intp)),
        "sklearn_recovered_ari": stability.adjusted_rand(found.labels_.astype(np.intp), _of(people, kinds)),
    }


def _model(home: Home) -> Model:
    holds = groups.grouping(home, WHO, "types").holds
    assert holds is not None and holds.model is not None
    return holds.model


def look(home: Home) -> dict[str, Any]:
    """Make groups of a home that is there, and tell of them; nothing is written."""
    here = profiles.current(home)
    began = time.perf_counter()
    found = making.make(here, Asked(), profiles.dimensions(None), here.universe.persons, _say)
    figures: dict[str, Any] = {"people": here.everybody.persons, "fit_s": time.perf_counter() - began}
    traits = [describing.labelled(home, WHO, some) for some in found.traits]
    figures["strength"] = {one.groups: one.strength for one in found.tried}
    figures["ari"] = {one.groups: one.ari for one in found.tried}
    figures["without"] = {one.groups: one.without for one in found.tried}
    shares = [size / max(sum(found.sizes), 1) for size in found.sizes]
    figures["groups"] = {name.en: share for name, share in zip(describing.names(traits), shares, strict=True)}
    return figures | {"dimensions": len({key for key, _ in found.space.names}), "fit_peak_rss_mb": _peak()}


def _say(stage: Text, done: int, of: int) -> None:
    if done in (0, of):
        say(f"{stage.en} {done}/{of}")


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


if __name__ == "__main__":
    if len(sys.argv) > 2 and sys.argv[1] in ("town", "make", "peer", "look"):
        opened = open_home(load(home=Path(sys.argv[2])))
        given = [kind(word) for kind, word in zip((int, int, float), sys.argv[3:], strict=False)]
        print(json.dumps(globals()[sys.argv[1]](opened, *given)))
        opened.close()
    else:
        main()

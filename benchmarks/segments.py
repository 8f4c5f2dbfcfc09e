"""Counting by the tag index, through the product: a made town of `--people`, written by the index's own writer, asked over HTTP.

`--pairs` tags at `--nodes` nodes of Zipf sizes, persons at random, which is the worst case for bitmaps. Every step is a process of its
own: writing, asking the room's door (processor time, medians), asking the program over HTTP (waits), changing three million tags. DuckDB and, where it
is installed, ClickHouse in process answer the same questions over a long table; every count has to be the same everywhere.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.lib import warehouses
from benchmarks.lib.asking import rules
from benchmarks.lib.house import House
from benchmarks.lib.machine import arguments, measured, peak_mb, quantile, report, say, workspace
from benchmarks.lib.placed import MIDDLE, Placed
from benchmarks.lib.tagged import NUMERIC, Town
from benchmarks.lib.users import Users
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles import bitmaps, index, parts, publishing
from zerodistance.core.profiles import rules as profile_rules
from zerodistance.core.profiles.parts import Building, Layer, Part
from zerodistance.core.profiles.splits import Split
from zerodistance.core.segments import api as segments
from zerodistance.kernel import clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home, open_home
from zerodistance.kernel.settings import load

_TIMES = 15
_AUDIENCE, _LARGE = 475_000, 10_000_000  # of the portraits, as far as there are so many
_CHURN = 3_000_000
_TYPED = 500  # counts while one user types


def main() -> None:
    """Write the index, ask it in every way, compare."""
    parser = arguments(__doc__)
    parser.add_argument("--people", type=int, default=1_000_000, help="persons in the index")
    parser.add_argument("--pairs", type=int, help="tags in the index; 4.29 a person without")
    parser.add_argument("--nodes", type=int, default=5_000, help="nodes of the tag tree")
    parser.add_argument("--users", type=int, default=50, help="who ask a question a second each, at once")
    parser.add_argument("--seconds", type=float, default=20.0, help="for how long")
    parser.add_argument("--no-warehouses", action="store_true", help="leave DuckDB and ClickHouse out")
    options = parser.parse_args()
    town = Town(options.people, options.pairs or options.people * 30 // 7, options.nodes)
    words = [str(town.people), str(town.pairs), str(town.nodes)]
    with workspace(options.folder) as root:
        house = House(root)
        key = house.api_key()
        say(f"writing {town.pairs:,} tags of {town.people:,} persons")
        built = measured([sys.executable, "-m", "benchmarks.segments", "build", str(house.home), *words])
        figures: dict[str, Any] = {f"build_{name}": value for name, value in built.items()}
        figures["index_bytes"] = sum(file.stat().st_size for file in (house.home / "index").iterdir())
        say("asking the door of the room")
        asked = _own("ask", house, words)
        counts = {**asked.pop("counts"), "communities": asked["communities_persons"]}
        figures.update(asked)
        with house:
            say(f"asking over HTTP, then {options.users} users for {options.seconds:.0f} s")
            figures.update(_over_http(house, key, town, counts, options.users, options.seconds))
        say("changing three million tags")
        figures.update(_own("churn", house, words))
        if not options.no_warehouses:
            figures.update(_compared(town, root, counts))
    report("segments", people=town.people, pairs=town.pairs, nodes=town.nodes, **figures)


def _own(step: str, house: House, words: list[str]) -> dict[str, Any]:
    """Do a step in a process of its own, and return what it says."""
    command = [sys.executable, "-m", "benchmarks.segments", step, str(house.home), *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return dict(json.loads(done.stdout))


def build(home: Home, town: Town) -> None:
    """Write the index node after node, and make it the valid one."""
    zone = home.settings.zone
    about = {
        "batch": 0,
        "day": profile_rules.day_of(clock.micros(), zone),
        "people": 0,
        "mark": profiles.follower(home).mark(),
        "made_at": clock.micros(),
    }
    folder = home.path("index")
    everybody = Split.of_sorted(np.arange(1, town.people + 1, dtype=np.uint32))
    with Building(folder / parts.name_of(1), about, everybody) as building:
        for dimension, ranks in town.by_dimension():
            for rank in ranks:
                building.node(dimension, town.name(rank)[1], Split.of_sorted(town.members(rank)))
        building.numbers(NUMERIC, *town.numbers())
        building.numbers(profiles.HOUSEHOLD.key, *town.households())
        placed = Placed(town.people)
        building.homes(placed.spots, placed.runs())
    layer = Layer(folder / parts.name_of(1))
    publishing.pointed(folder, index.Index().over(layer, 1, parts.name_of(1)))


def _median(work: Callable[[], Any], times: int = _TIMES) -> tuple[Any, float]:
    """Return what comes out and the median of the processor milliseconds of this thread."""
    took = []
    for _ in range(times):
        began = time.thread_time()
        found = work()
        took.append(1_000 * (time.thread_time() - began))
    return found, float(np.median(took))


def ask(home: Home, town: Town) -> dict[str, Any]:
    """Ask the room's door, each question several times."""
    who = Who.system("benchmark")
    read = {name: segments.read_rule(text) for name, text in rules(town).items()}
    for file in home.path("index").glob("tags-*.part"):  # as after a start of the machine
        handle = os.open(file, os.O_RDONLY)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)
    began = time.perf_counter()
    segments.count(home, who, read["five"], steps=False)
    figures: dict[str, Any] = {"cold_start_s": time.perf_counter() - began}
    counts = {}
    for name, rule in read.items():
        found, figures[f"{name}_ms"] = _median(lambda rule=rule: segments.count(home, who, rule, steps=False))  # type: ignore[misc]
        counts[name] = found.persons
    _, figures["five_steps_ms"] = _median(lambda: segments.count(home, who, read["five"]))
    here = profiles.current(home)
    figures.update(_places(home, town))
    figures.update(_portraits(home, town))
    for every in here.sizes:  # whatever is asked for, it is in memory now, as far as it may be
        here.split(every)
    figures["memory_gb"] = _resident()
    figures.update(_households(home, town))
    numbers = np.random.default_rng(1).integers(1, town.people + 1, 1_000).tolist()
    _, figures["person_ms"] = _median(lambda: [here.nodes_of(number) for number in numbers], 3)
    figures["person_ms"] /= len(numbers)
    figures["bandwidth_and_ms"] = _bandwidth(town)
    return {**figures, "counts": counts}


def _places(home: Home, town: Town) -> dict[str, float]:
    """Ask for the communities nearest to the middle of the largest city, and check what is counted there one by one."""
    who, figures = Who.system("benchmark"), dict[str, float]()
    tag = segments.read_rule(rules(town)["within_5km_tag"]).terms[1]  # type: ignore[union-attr]
    asked = {"communities": None, "communities_tag": tag}
    for name, rule in asked.items():
        found, figures[f"{name}_ms"] = _median(
            lambda rule=rule: segments.nearest(home, who, *MIDDLE, many=30, rule=rule)  # type: ignore[misc]
        )
        figures[f"{name}_persons"] = sum(one.persons for one in found.communities)
    ground = profiles.current(home).ground
    area = ground.near(*MIDDLE, 5)
    figures["communities"], figures["within_5km_communities"] = len(ground.codes), int(area.sum())
    figures["within_5km_cells"] = len(np.unique(ground.cells[area]))
    lives = np.isin(Placed(town.people).homes(), np.flatnonzero(area))
    figures["within_5km"] = int(lives.sum())
    tagged = int(lives[town.members(1) - np.uint32(1)].sum())
    said = [
        segments.count(home, who, segments.read_rule(rules(town)[n])).persons
        for n in ("within_5km", "within_5km_tag")
    ]
    if said != [figures["within_5km"], tagged]:
        raise SystemExit(f"within 5 km the index counts {said}, one by one {figures['within_5km']}, {tagged}")
    return figures


def _households(home: Home, town: Town) -> dict[str, float]:
    """Ask for somebody of the household who is at a large node, and at a small one; look if the counts are right."""
    who, figures = Who.system("benchmark"), dict[str, float]()
    _, household = town.households()
    for name, rank in (("household", 2), ("household_small", 200)):
        dimension, node = town.name(rank)
        rule = segments.read_rule(f'Household(Has("{dimension}", node="{node}"))')
        found, figures[f"{name}_ms"] = _median(
            lambda rule=rule: segments.count(home, who, rule, steps=False),  # type: ignore[misc]
            5,
        )
        some = np.zeros(int(household.max()) + 1, np.bool_)
        some[household[town.members(rank) - np.uint32(1)].astype(np.int64)] = True
        if found.persons != int(np.count_nonzero(some[household.astype(np.int64)])):
            raise SystemExit(f"{name}: the index counts {found.persons:,}, one by one it is another number")
    return figures


def _portraits(home: Home, town: Town) -> dict[str, float]:
    here, figures = profiles.current(home), dict[str, float]()
    luck = np.random.default_rng(7)
    small = Split.of_sorted(_some(luck, town.people, min(_AUDIENCE, town.people // 20)))
    large = Split.of_sorted(_some(luck, town.people, min(_LARGE, town.people // 10)))
    figures["profile_members"], figures["profile_large_members"] = len(small.persons), len(large.persons)
    found, figures["profile_ms"] = _median(lambda: profiles.portrait(here, small), 7)
    exact, figures["profile_exact_10m_ms"] = _median(lambda: profiles.portrait(here, large), 3)
    drawn, figures["profile_sampled_ms"] = _median(lambda: profiles.portrait(here, large, sample=True), 7)
    spent = profiles.dimension(None, NUMERIC)
    _, figures["sum_ms"] = _median(lambda: profiles.measure(here, spent, small), 7)
    _, figures["sum_10m_ms"] = _median(lambda: profiles.measure(here, spent, large), 7)
    figures["profile_sampled_error"] = drawn.error
    off = [abs(drawn.sizes[n].persons - s.persons) for n, s in exact.sizes.items() if n in drawn.sizes]
    figures["profile_sampled_off"] = 100 * max(off) / len(large.persons)
    for rank in (1, 100, town.nodes):
        name = ("node", *town.name(rank))
        if found.sizes.get(name, (0, 0))[0] != here.split(name).both(small).persons:
            raise SystemExit(f"the portrait counts others at {name} than its bitmap has")
    return figures


def _some(luck: np.random.Generator, people: int, many: int) -> Any:
    return np.sort(luck.choice(people, many, replace=False, shuffle=False)).astype(np.uint32) + np.uint32(1)


def _resident() -> float:
    found = re.search(r"VmRSS:\s*(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) * 1024 / 1e9 if found else 0.0


def _bandwidth(town: Town) -> float:
    """Return the milliseconds that reading a bit for each person twice takes at the speed at which memory is copied here."""
    source = np.ones(1 << 25, np.uint64)
    target = np.empty_like(source)
    _, took = _median(lambda: np.copyto(target, source), 9)
    return took * (2 * town.people / 8) / (2 * source.nbytes)


def _over_http(
    house: House, key: str, town: Town, counts: dict[str, int], users: int, seconds: float
) -> dict[str, Any]:
    asking = Users(house.port, key)
    figures: dict[str, Any] = {}
    for name, text in rules(town).items():
        waits = []
        for _ in range(_TIMES):
            began = time.perf_counter()
            said = asking.count(text)
            waits.append(1_000 * (time.perf_counter() - began))
            if said["persons"] != counts[name]:
                raise SystemExit(f"{name}: over HTTP {said['persons']:,}, asked directly {counts[name]:,}")
        figures[f"http_{name}_ms"] = float(np.median(waits))
    over = asking.typing(town, _TYPED)
    figures["typing_over_p50_ms"] = 1_000 * quantile(np.array(over), 0.5)
    figures["typing_over_p99_ms"] = 1_000 * quantile(np.array(over), 0.99)
    waits = asking.together(town, users, seconds)
    figures["concurrent_p50_ms"] = 1_000 * quantile(np.array(waits), 0.5)
    figures["concurrent_p99_ms"] = 1_000 * quantile(np.array(waits), 0.99)
    figures["concurrent_asked"] = len(waits)
    figures["door_peak_mb"] = peak_mb(house.door_pid)
    return figures


def churn(home: Home, town: Town) -> dict[str, Any]:
    """Give many persons other tags, three million in all or a tenth of everybody's, as an update does; then look if the counts are right."""
    pairs = min(_CHURN, town.pairs // 10)
    folder, luck = home.path("index"), np.random.default_rng(11)
    before = index.current(folder)
    share = pairs / town.pairs
    changed = _some(luck, town.people, round(town.people * share))
    nodes: dict[str, dict[str, Split]] = {}
    for dimension, ranks in town.by_dimension():
        for rank in ranks:
            many = luck.binomial(len(changed), town.sizes[rank - 1] / town.people)
            mine = changed[np.sort(luck.choice(len(changed), many, replace=False, shuffle=False))]
            nodes.setdefault(dimension, {})[town.name(rank)[1]] = Split.of_sorted(mine)
    gone = bitmaps.of_sorted(changed)
    made_at = clock.micros()
    part = Part(0, before.day, 0, before.mark, made_at, gone, Split.of_sorted(changed), nodes)
    began, cpu = time.perf_counter(), time.process_time()
    after = publishing.publish(folder, before, part)
    took, used = time.perf_counter() - began, time.process_time() - cpu
    for rank in (1, 2, 100, town.nodes):
        name = ("node", *town.name(rank))
        if after.split(name).sizes != after.size(name):
            raise SystemExit(f"after the change, {name} has other members than it says")
    said = sum(both.sizes.persons for some in nodes.values() for both in some.values())
    return {"churn_3m_s": took, "churn_3m_cpu_s": used, "churn_tags": said, "churn_persons": len(changed)}


def _compared(town: Town, root: Path, counts: dict[str, int]) -> dict[str, Any]:
    """Ask the others, one after the other, and end with an error where one counts differently."""
    figures: dict[str, Any] = {}
    for name, engine in (("duckdb", warehouses.duckdb_), ("chdb", warehouses.chdb_)):
        folder = root / name
        folder.mkdir()
        found = engine(town, folder)
        if found is None:
            continue
        figures.update({f"{name}_{k}": v for k, v in found.items() if k != "asked"})
        for question, (count, took) in found["asked"].items():
            if count != counts[question]:
                raise SystemExit(f"{question}: {name} counts {count:,}, the index {counts[question]:,}")
            figures[f"{name}_{question}_ms"] = took
    return figures


def _step() -> None:
    home = open_home(load(home=Path(sys.argv[2])))
    town = Town(*map(int, sys.argv[3:6]))
    if sys.argv[1] == "build":
        build(home, town)
    else:
        print(json.dumps({"ask": ask, "churn": churn}[sys.argv[1]](home, town)))
    home.close()


if __name__ == "__main__":
    if sys.argv[1:2] in (["build"], ["ask"], ["churn"]):
        _step()
    else:
        main()

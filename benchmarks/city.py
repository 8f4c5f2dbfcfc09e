"""The sample city from `zerodistance sample`, and the loop over all its silos.

Making: how long it takes, and the most memory that its processes had together. The command is run as somebody types it, start of the
interpreter included. Memory is what all its processes have resident, looked at five times a second; what they share (the program) counts
once for each. Beside `--people` a city of a tenth is made, since memory must not grow with the number of people.

The loop: a new home gets the brand files, then each silo is imported with the mapping that ships for it, one command after the other as
somebody types them; each does at once what follows: persons, vault, lake, profile states, tag index, jobs that are due. Processor time is that of whole
commands. Seconds by step are the program's own spans. It ends with an error where rows are not accounted for: those of a file are accepted,
duplicates or refused, and at the end log, profiles and index hold all that was accepted.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.lib.house import House
from benchmarks.lib.machine import arguments, report, say, workspace
from benchmarks.lib.steps import Steps
from benchmarks.lib.whole import held

_EVERY = 0.2  # seconds
_BRAND = ("units", "categories", "products", "places", "territories")
_STEPS = ("map", "recognise", "write", "commit", "profiles", "seal", "index", "job")


def main() -> None:
    """Make cities, import the larger one, and print what that took."""
    parser = arguments(__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--world", default="base")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--only", choices=("generate", "loop"), help="one of the two; both unless said")
    parser.add_argument("--city", type=Path, help="with `--only loop`: a city that is there already")
    options = parser.parse_args()
    if options.city and options.only != "loop":
        parser.error("--city is a city that is there already, so nothing is generated: add --only loop")
    figures: dict[str, Any] = {}
    with workspace(options.folder) as root:
        made = options.city or root / "city"
        if options.only != "loop":
            figures |= _generated(root, options)
        elif not options.city:
            _make(made, options.people, options)
        city = json.loads((made / "city.json").read_text(encoding="utf-8"))
        if options.only != "generate":
            figures |= _loop(root, made, city)
    report(
        "city",
        people=city["people"],
        seed=city["seed"],
        world=city["world"],
        records=city["records"],
        **figures,
    )


def _generated(root: Path, options: Any) -> dict[str, Any]:
    small = _make(root / "tenth", max(1_000, options.people // 10), options)
    made = _make(root / "city", options.people, options)
    files = made["city"]["files"]
    return {
        "generate_s": made["seconds"],
        "generate_peak_mb": made["mb"],
        "generate_cpu_s": made["cpu"],
        "tenth_peak_mb": small["mb"],
        "rows": {_silo(fact): fact["rows"] for fact in _silos(files)},
        "bytes": sum(fact["bytes"] for fact in files),
        "silo_bytes": sum(fact["bytes"] for fact in _silos(files)),
    }


def _silos(files: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [fact for fact in files if fact["path"].startswith("silos/")]


def _silo(fact: dict[str, Any]) -> str:
    return str(fact["path"]).split("/")[1].split(".")[0]


def _loop(root: Path, folder: Path, city: dict[str, Any]) -> dict[str, Any]:
    """Import every silo into a new home, and look whether everything is there."""
    inside = root / "loop"
    inside.mkdir()
    began, silos = time.perf_counter(), dict[str, dict[str, Any]]()
    with Steps() as steps:
        house = House(inside, {"otel_endpoint": steps.url})
        for kind in _BRAND:
            house.run("brand", "import", kind, str(folder / "brand" / f"{kind}.csv"))
        start = time.perf_counter() - began
        say(f"a home with the brand: {start:.1f} s")
        for fact in _silos(city["files"]):
            silos[_silo(fact)] = _taken_in(house, folder, fact, steps)
    found = held(house)
    accepted = sum(silo["accepted"] for silo in silos.values())
    if accepted != found["touches"]:
        raise SystemExit(f"{accepted:,} rows were accepted, the log holds {found['touches']:,} touches")
    cpu = sum(silo["cpu_s"] for silo in silos.values())
    whole = {"home": start, **{key: silo["s"] for key, silo in silos.items()}}
    by_step = {step: steps.seconds[step] for step in _STEPS}
    return {
        "digest_s": sum(silo["s"] for silo in silos.values()),
        "digest_cpu_s": cpu,
        "digest_rows_per_cpu_s": sum(silo["rows"] for silo in silos.values()) / cpu,
        "peak_rss_mb": max(silo["peak_mb"] for silo in silos.values()),
        "stages": whole,
        "steps": {**by_step, "rest": sum(whole.values()) - start - sum(by_step.values())},
        "silos": silos,
        "refused": _refused(house),
        **found,
    }


def _taken_in(house: House, folder: Path, fact: dict[str, Any], steps: Steps) -> dict[str, Any]:
    key, rows, before = _silo(fact), int(fact["rows"]), Counter(steps.seconds)
    mapping = folder / "mappings" / f"{key}.toml"
    took = house.measured("import", str(folder / fact["path"]), "--mapping", str(mapping), "--json")
    job = json.loads(took.said)
    counted = {name: int(job[name]) for name in ("accepted", "duplicates", "refused")}
    if job["state"] != "done" or sum(counted.values()) != rows:
        raise SystemExit(f"{rows:,} rows of {key} are not accounted for: {job}")
    spent = {step: steps.seconds[step] - before[step] for step in _STEPS}
    per, told = rows / took.cpu, ", ".join(f"{step} {spent[step]:.1f}" for step in _STEPS)
    say(
        f"{key}: {rows:,} rows, {counted['refused']:,} refused; {took.seconds:.1f} s, {took.cpu:.1f} processor s, "
        f"{per:,.0f} rows each; {took.peak_mb:,.0f} MB; {told}"
    )
    figures = {"s": took.seconds, "cpu_s": took.cpu, "rows_per_cpu_s": per, "peak_mb": took.peak_mb}
    return {"rows": rows, **counted, **figures, "steps": spent}


def _refused(house: House) -> dict[str, int]:
    """Return how many rows of each source were refused for which reason at which field."""
    rows = house.ask(
        "select s.key, q.reason, q.field, count(*) from quarantine q join source s on s.number = q.source "
        "group by s.key, q.reason, q.field order by s.key, q.reason, q.field"
    )
    return {f"{source}: {reason} {field}": many for source, reason, field, many in rows}


def _make(out: Path, people: int, options: Any) -> dict[str, Any]:
    words = ["--people", str(people), "--seed", str(options.seed), "--world", options.world]
    words += ["--processes", str(options.processes), "--out", str(out), "--json"]
    say(f"{people:,} people")
    began = time.perf_counter()
    command = [sys.executable, "-m", "zerodistance", "sample", *words]
    peak = 0.0
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as made:
        while made.poll() is None:
            peak = max(peak, sum(map(_resident, _family(made.pid))))
            time.sleep(_EVERY)
        seconds = time.perf_counter() - began
        said = made.stdout.read() if made.stdout else ""
    if made.returncode:
        raise SystemExit(f"zerodistance sample failed with {made.returncode}")
    say(f"{people:,} people: {seconds:.1f} s, {peak:.0f} MB")
    return {"seconds": seconds, "mb": peak, "cpu": _children_cpu(), "city": json.loads(said)}


_before = 0.0


def _children_cpu() -> float:
    """Return the processor seconds of children that ended since the last question."""
    import resource

    global _before
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    total, before = used.ru_utime + used.ru_stime, _before
    _before = total
    return total - before


def _family(pid: int) -> list[int]:
    """Return a process and everything that it started."""
    out = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            out += [one for child in task.read_text().split() for one in _family(int(child))]
        except OSError:
            continue
    return out


def _resident(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * 4096 / 1e6


if __name__ == "__main__":
    main()

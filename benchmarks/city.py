"""The sample city from `zerodistance sample`: how long it takes to make, and the most memory that its processes had together.

The command is run as somebody types it, start of the interpreter included. Memory is what all its processes have resident, looked at five
times a second; what they share (the program) counts once for each. Beside `--people` a city of a tenth is made, since memory must not
grow with the number of people.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.lib.machine import arguments, report, say, workspace

_EVERY = 0.2  # seconds


def main() -> None:
    """Make two cities and print what the larger one took."""
    parser = arguments(__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--world", default="base")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    with workspace(options.folder) as root:
        small = _make(root / "tenth", max(1_000, options.people // 10), options)
        made = _make(root / "city", options.people, options)
    city = made["city"]
    rows = {fact["path"]: fact["rows"] for fact in city["files"]}
    report(
        "city",
        people=options.people,
        generate_s=made["seconds"],
        generate_peak_mb=made["mb"],
        generate_cpu_s=made["cpu"],
        tenth_peak_mb=small["mb"],
        records=city["records"],
        rows={
            path.split("/")[1].split(".")[0]: many for path, many in rows.items() if path.startswith("silos/")
        },
        bytes=sum(fact["bytes"] for fact in city["files"]),
        silo_bytes=sum(fact["bytes"] for fact in city["files"] if fact["path"].startswith("silos/")),
    )


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

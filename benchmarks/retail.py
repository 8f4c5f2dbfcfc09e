"""A real shop's file from `zerodistance import` until log, persons, profiles and tag index hold every line of it.

What is timed are whole commands as somebody types them, start of the interpreter included: `import`, which takes the file in, and `run`,
which does everything that still waits.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from benchmarks.lib.house import House
from benchmarks.lib.machine import arguments, report, say, workspace
from benchmarks.lib.whole import held
from zerodistance.doors.examples.retail import FOLDER as EXAMPLE


def main() -> None:
    """Time each command, then look whether everything is there."""
    parser = arguments(__doc__)
    parser.add_argument("--file", type=Path, default=EXAMPLE / "online_retail.parquet")
    parser.add_argument("--mapping", type=Path, default=EXAMPLE / "mapping.toml")
    options = parser.parse_args()
    stages: dict[str, float] = {}
    with workspace(options.folder) as root:
        began = time.perf_counter()
        house = House(root)
        init = time.perf_counter() - began

        def timed(name: str, *words: str) -> str:
            at = time.perf_counter()
            said = house.run(*words)
            stages[name] = time.perf_counter() - at
            say(f"{name}: {stages[name]:.1f} s")
            return said

        job = json.loads(
            timed("import", "import", str(options.file), "--mapping", str(options.mapping), "--json")
        )
        timed("run", "run")
        found = held(house)
    rows = int(job["accepted"]) + int(job["duplicates"]) + int(job["refused"])
    total = sum(stages.values())
    report(
        "retail",
        total_s=total,
        rows=rows,
        rows_per_s=rows / total,
        **found,
        duplicates=job["duplicates"],
        refused=job["refused"],
        init_s=init,
        stages=stages,
    )


if __name__ == "__main__":
    main()

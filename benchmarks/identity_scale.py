"""Who is who by identifiers alone, over a great many records: what a row of evidence costs, and whether it costs the same when there are ten times as many.

Evidence is made from a seed (`benchmarks.lib.evidence`) and written as columns, beside what is measured. Then the function that the nightly rebuild asks,
`partition.solve`, runs over a tenth of `--records` and over all of them, each in a process of its own that holds the columns as the rebuild does:
shared identifiers, names that part contact data, components, limits, and persons that break one walked piece by piece. A row is an identifier on a
record or an account (a pair of subjects), or a match. Memory is that of the whole process, columns included.

`state` is what it takes to read `--state` records from a home, in processor seconds, beside what solving and numbering them take.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.lib.machine import arguments, measured, report, say, workspace


def main() -> None:
    """Make the evidence, solve it at two sizes, compare."""
    parser = arguments(__doc__)
    parser.add_argument("--records", type=int, default=5_000_000)
    parser.add_argument(
        "--state",
        type=int,
        default=500_000,
        help="records that are put into a home and read from there; 0: none",
    )
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with workspace(options.folder) as root:
        tenth = _solved(options.records // 10, options.seed, root)
        whole = _solved(options.records, options.seed, root)
        state = _read(options.state, options.seed, root) if options.state else None
    report(
        "identity_scale",
        records=options.records,
        rows_per_cpu_s=whole["rows"] / whole["cpu_s"],
        growth=(whole["cpu_s"] / whole["rows"]) / (tenth["cpu_s"] / tenth["rows"]),
        **whole,
        state=state,
        tenth={name: tenth[name] for name in ("rows", "cpu_s", "peak_rss_mb", "steps", "persons", "largest")},
    )


def _made(records: int, seed: int, root: Path) -> Path:
    folder = root / str(records)
    folder.mkdir()
    _run("benchmarks.lib.evidence", str(records), str(seed), str(folder))
    say(f"{records:,} records are made")
    return folder


def _run(*words: str) -> None:
    subprocess.run([sys.executable, "-m", *words], check=True)


def _read(records: int, seed: int, root: Path) -> dict[str, Any]:
    folder, home, said = _made(records, seed, root), root / "home", root / "said.json"
    _run("benchmarks.lib.reading", "fill", str(folder), str(home))
    took = measured([sys.executable, "-m", "benchmarks.lib.reading", "read", str(home), str(said)])
    found: dict[str, Any] = json.loads(said.read_text())
    say(f"read from a home: {found['seconds']}")
    return found | {"peak_rss_mb": took["peak_rss_mb"]}


def _solved(records: int, seed: int, root: Path) -> dict[str, Any]:
    folder = _made(records, seed, root)
    said = root / "said.json"
    took = measured([sys.executable, "-m", "benchmarks.lib.solving", str(folder), str(said)])
    shutil.rmtree(folder)
    found: dict[str, Any] = json.loads(said.read_text())
    say(f"{found['rows']:,} rows in {found['cpu_s']:.1f} processor seconds")
    return found | {"peak_rss_mb": took["peak_rss_mb"]}


if __name__ == "__main__":
    main()

"""The ladder through `zerodistance models evaluate --mapping`: each mapping of `examples/tables` on its public table, as somebody types the command."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.lib import public
from benchmarks.lib.machine import report, say

_MAPPINGS = Path(__file__).parent.parent / "examples" / "tables"
_FILES = {
    "telco": ("telco_churn_ibm.csv", "models", None),
    "telco_when": ("telco_churn_ibm.csv", "models", None),
    "credit": ("pycaret_credit.csv", "models", None),
    "ai4i": ("ai4i2020.csv", "models", None),
    "fd001": ("cmapss_train_FD001.txt", "models", None),
    "hillstrom": ("hillstrom.csv", "uplift", None),
    "hillstrom_men": ("hillstrom.csv", "uplift", None),
    "cdnow": ("CDNOW_sample.txt", "value", "lifetimes/datasets"),
    "online_retail": ("online_retail.parquet", "retail", None),
}
_ASKED = (
    "auc", "lift_top10", "average_precision", "ece", "c_index", "ibs", "rmse", "qini", "over_response", "gate_opens", "log_likelihood", "count_error",
)  # fmt: skip
_PARTED = ("telco", "telco_when", "credit", "ai4i", "fd001", "hillstrom", "hillstrom_men")


def main() -> None:
    """Try every mapping."""
    parser = public.options(__doc__)
    parser.add_argument("--only", choices=sorted(_FILES), action="append", help="only these mappings")
    options = parser.parse_args()
    found: dict[str, Any] = {}
    for name in options.only or _FILES:
        file, beside, package = _FILES[name]
        path = public.found(options.data, file, beside, package, "see Public tables in benchmarks/README.md")
        began = time.monotonic()
        told = _command(_MAPPINGS / f"{name}.toml", path, options.seeds if name in _PARTED else 1)
        found[name] = {"best": told["best"], **{key: told[key] for key in _ASKED if key in told}}
        found[name]["steps"] = {
            step: {key: one["value"] for key, one in figures.items() if key in _ASKED}
            for step, figures in told["steps"].items()
        }
        found[name]["wall_s"] = time.monotonic() - began
        say(f"{name}: {found[name]['best']}, {found[name]['wall_s']:.0f} s")
    report("any_table", seeds=options.seeds, **found)


def _command(mapping: Path, data: Path, seeds: int) -> dict[str, Any]:
    line = [sys.executable, "-m", "zerodistance", "--lang", "en", "models", "evaluate", "--mapping", str(mapping), "--data", str(data)]  # fmt: skip
    done = subprocess.run(
        [*line, "--seeds", str(seeds), "--json"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{mapping.name}: {done.stderr}")
    told: dict[str, Any] = json.loads(done.stdout)
    return told


if __name__ == "__main__":
    main()

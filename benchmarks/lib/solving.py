"""Who is who among columns of evidence, as a process that can be measured: `python -m benchmarks.lib.solving FOLDER SAID.json`.

The columns are those that `benchmarks.lib.evidence` wrote, in the types in which a rebuild holds them. What is measured is `partition.solve` alone.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.lib import evidence
from zerodistance.core.identity import grouped, partition, rules
from zerodistance.core.identity.calling import spans
from zerodistance.core.identity.connected import sizes
from zerodistance.core.identity.naming import Pairs
from zerodistance.core.identity.parting import Names
from zerodistance.core.identity.partition import Subjects
from zerodistance.core.identity.rules import RuleSet
from zerodistance.core.identity.walking import Walk

STEPS: tuple[tuple[str, object, str], ...] = (
    ("shared", partition, "shared"),
    ("shared", partition, "_not_shared"),
    ("groups", grouped, "labels"),
    ("components", grouped, "components_of"),
    ("rest", partition, "_solved"),
    ("names", partition, "Names"),
    ("names", Names, "lead"),
    ("components", partition, "components"),
    ("components", partition, "components_of"),
    ("limits", partition, "_over"),
    ("walk", partition, "_pieces"),
    ("walk", Walk, "write"),
)
"""Figure, and what `partition.solve` calls for it; what that calls for another figure counts for the other."""


def main(folder: Path, said: Path) -> None:
    """Read the columns, solve, write what it took and what was found as one JSON object."""
    number, rank, first_at, person, named, a, b, at, tier = (
        np.load(folder / f"{name}.npy") for name in evidence.COLUMNS
    )
    subjects = Subjects(number, rank, first_at, person, named, evidence.token)
    pairs = Pairs(a, b, at, tier)
    took: dict[str, float] = {}
    for figure, of, name in STEPS:
        setattr(of, name, _timed(getattr(of, name), took, figure))
    before = time.process_time()
    found = partition.solve(subjects, pairs, RuleSet())
    cpu = time.process_time() - before
    known = np.zeros(len(rank), dtype=bool)
    for part in spans(len(rank)):  # a count of everybody at once would take more memory than solving
        known[found.label[part][rank[part] < rules.ANONYMOUS_FROM]] = True
    said.write_text(
        json.dumps(
            {
                "subjects": len(number),
                "rows": len(a),
                "cpu_s": cpu,
                "steps": took | {"rest": took["rest"] + cpu - sum(took.values())},
                "persons": int(np.count_nonzero(known)),
                "largest": int(sizes(found.label).max()),
                "shared": len(found.shared),
                "vetoed": {f"{guard}.{rank}": many for (guard, rank), many in sorted(found.vetoed.items())},
            }
        )
    )


def _timed(what: Callable[..., Any], took: dict[str, float], figure: str) -> Callable[..., Any]:
    def asked(*given: Any, **named: Any) -> Any:
        before, others = time.process_time(), sum(took.values())
        try:
            return what(*given, **named)
        finally:
            own = time.process_time() - before - (sum(took.values()) - others)
            took[figure] = took.get(figure, 0.0) + own

    return asked


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

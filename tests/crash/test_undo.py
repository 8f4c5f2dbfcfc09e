"""Kill -9 at any point of an undo: the next worker carries it out, and nothing of the import is left, nothing else is missing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OTHERS = (  # points of what an undo calls
    *("lake.delete.before", "lake.delete.after", "lake.replace.before", "lake.replace.after"),
    *("identity.rebuild.solved", "identity.rebuild.moved", "index.rename", "index.renamed"),
)
POINTS = sorted(
    {
        *OTHERS,
        *(
            point
            for path in (ROOT / "zerodistance").rglob("*.py")
            for point in re.findall(r'fault\.point\("(undo\.[a-z.]+)"\)', path.read_text())
        ),
        *(f"undo.{step}" for step in ("consents", "states", "identity", "tags", "sightings")),
    }
)
FEW = ("undo.identity.slice", "undo.tags")


def play(folder: Path, *points: str) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "tests.crash.undoing", str(folder), *points],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.stdout.splitlines() == [f"{point}: died, then as without it" for point in points], said.stderr


@pytest.mark.slow
def test_an_undo_that_is_killed_is_carried_out_by_the_next_worker(tmp_path: Path) -> None:
    play(tmp_path, *FEW)


@pytest.mark.slow
def test_an_undo_survives_a_kill_at_each_of_its_points(tmp_path: Path) -> None:
    assert len(POINTS) >= 18
    play(tmp_path, *POINTS)

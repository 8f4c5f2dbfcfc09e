"""What was acknowledged before a backup's mark is in the restored home, once, though load came in all the while."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import PATIENCE

ROOT = Path(__file__).parents[2]


BOTH = [
    pytest.param("sqlite", id="sqlite", marks=pytest.mark.slow),
    pytest.param("postgres", id="postgres", marks=[pytest.mark.postgres, pytest.mark.slow]),
]


@pytest.mark.parametrize("store", BOTH)
def test_restore_drill_under_load(tmp_path: Path, store: str, request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue("databases").new() if store == "postgres" else ""
    words = [sys.executable, "-m", "tests.crash.drill", str(tmp_path), url]
    done = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=4 * PATIENCE)
    backups = json.loads(done.stdout)
    assert [backup["trouble"] for backup in backups] == [[], []]
    acknowledged = [backup["acknowledged"] for backup in backups]
    assert acknowledged == sorted(acknowledged) and acknowledged[-1] > 100
    assert backups[-1]["mark"]["batch"] > backups[0]["mark"]["batch"]
    print(backups)

"""What was acknowledged before a backup's mark is in the restored home, once, though load came in all the while."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_restore_drill_under_load(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "tests.crash.drill", str(tmp_path)]
    done = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=120)
    backups = json.loads(done.stdout)
    assert [backup["trouble"] for backup in backups] == [[], []]
    acknowledged = [backup["acknowledged"] for backup in backups]
    assert acknowledged == sorted(acknowledged) and acknowledged[-1] > 100
    assert backups[-1]["mark"]["batch"] > backups[0]["mark"]["batch"]
    print(backups)

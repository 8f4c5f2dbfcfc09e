"""Kill -9 at any point of a feed's run: the next run takes each row once, whatever was taken before."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import postgres

ROOT = Path(__file__).parents[2]
POINTS = (
    *("import.staged", "import.staged:3", "import.named", "import.named:3"),
    *("feeds.file.taken", "feeds.file.taken:3"),
    *("feeds.file.moved", "feeds.file.moved:2", "feeds.run.done"),
)
ROWS = (
    "import.staged:2",
    "import.named",
    "import.named:3",
    "feeds.rows.kept",
    "feeds.rows.kept:3",
    "feeds.run.done",
)


def play(folder: Path, url: str, *points: str) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "tests.crash.feeding", str(folder), url, *points],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.stdout.splitlines() == [f"{point}: died, then each row once" for point in points], said.stderr


@pytest.mark.slow
def test_a_run_survives_a_kill_at_each_of_its_points(tmp_path: Path) -> None:
    play(tmp_path, "-", *POINTS)


@pytest.mark.slow
@pytest.mark.postgres
def test_a_run_over_rows_survives_a_kill_at_each_of_its_points(tmp_path: Path) -> None:
    server = postgres.Server()
    url = server.new_database()
    database = url.partition("@/")[2].partition("?")[0]
    columns = "i as id, '2026-01-02' as at, 'm' || i as member, 's' as store, i / 4 as seen"
    server.say(f"create table visit as select {columns} from generate_series(0, 59) i", database)
    play(tmp_path, url, *ROWS)
    server.remove()

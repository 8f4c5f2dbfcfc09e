"""The law of sends with the state on a server that is killed too: nothing comes twice, and no limit is broken."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("ZERODISTANCE_KILLS", "3"))


@pytest.mark.postgres
@pytest.mark.slow
def test_random_kills_of_workers_mail_and_postgres_break_no_limit_and_send_nothing_twice(
    tmp_path: Path,
) -> None:
    people = max(150, 27 * KILLS)  # five apps: 2,000 messages at 15 kills
    asked = {
        "--folder": tmp_path, "--people": people, "--messages": 5 * people, "--workers": 2, "--days": 1,
        "--kill-every": 0.2, "--kill-after": 20, "--chunk": 10, "--pace": 0.05,
    }  # fmt: skip
    words = [str(word) for pair in asked.items() for word in pair]
    said = subprocess.run(
        [sys.executable, "-m", "benchmarks.outreach_law", "--postgres", "--wait", *words],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr[-3_000:]
    found = json.loads(said.stdout)
    assert set(found["broken"].values()) == {0}, found
    assert {"cap", "quiet", "consent", "holdout", "same_send"} <= found["broken"].keys()
    assert found["states_killed"] >= 1 and found["arrived"] > people / 4
    assert not found["states"].keys() & {"handing", "paused"}
    print(
        f"{found['arrived']} of {found['messages']} arrived; killed: {found['states_killed']} times the state's server, {found['workers_killed']} workers"
    )

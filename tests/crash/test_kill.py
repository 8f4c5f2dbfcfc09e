"""Kill -9 at any moment loses and doubles nothing."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("ZERODISTANCE_KILLS", "8"))
ROUNDS_A_HOME = 20
SEEN_ELSEWHERE = (  # what no round of seconds reaches: jobs of the night, commands, imports; see test_seldom.py
    "backup.",  # in tests/doors/backups
    "identity.archive",
    "identity.rebuild.",
    "identity.expire",
    "identity.revoked",
    "import.",
    "lake.replace.",  # in tests/core/profiles/test_states.py
    "lake.settle.",
    "restore.",
)
FORGETTING = (
    "forget.backups",
    "forget.profiles",
    "forget.identity",
)  # made from the names of the rooms that take a share
WRITTEN = [
    point
    for path in (ROOT / "zerodistance").rglob("*.py")
    for point in re.findall(r"fault\.point\((.+)\)\n", path.read_text())
]
NAMED = {point.strip('"') for point in WRITTEN if re.fullmatch(r'"[a-z.]+"', point)}
POINTS = sorted({*(point for point in NAMED if not point.startswith(SEEN_ELSEWHERE)), *FORGETTING})


class Stage:
    """The process of stage.py."""

    def __init__(self, home: Path) -> None:
        self.homes, self.round = home, 0
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.stage"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def play(self, **asked: Any) -> dict[str, Any]:
        """Play one round; every so often in a new home, or judging the whole log each time would take ever longer."""
        assert self.process.stdin and self.process.stdout
        self.round += 1
        home = self.homes / str(self.round // ROUNDS_A_HOME)
        self.process.stdin.write(
            json.dumps({"home": str(home), "round": self.round, "fault": None, **asked}) + "\n"
        )
        self.process.stdin.flush()
        return dict(json.loads(self.process.stdout.readline()))


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One home that is killed again and again."""
    started = Stage(tmp_path_factory.mktemp("killed") / "home")
    yield started
    assert started.process.stdin
    started.process.stdin.close()
    started.process.wait()


def test_random_kills_lose_and_double_nothing(stage: Stage) -> None:
    chance = random.Random(KILLS)
    acked = forgot = 0
    for _ in range(KILLS):
        victim, forgets = (
            chance.choice(["door", "worker", "both"]),
            chance.choice(["at once", "when sealed", None, None]),
        )
        said = stage.play(victim=victim, after=chance.uniform(0.2, 1.2) + 0.8 * bool(forgets), forget=forgets)
        assert said["trouble"] == [], f"round {stage.round}, victim {victim}"
        acked += said["acked"]
        forgot += said["forgot"]
    assert acked > 50 * KILLS
    assert forgot > KILLS // 8
    print(f"{KILLS} kills, {acked} touches acknowledged, {forgot} users forgotten")


def test_every_crash_point_is_known_here() -> None:
    assert {point for point in WRITTEN if not re.fullmatch(r'"[a-z.]+"', point)} == {'"forget." + name'}


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_a_kill_at_a_crash_point_loses_and_doubles_nothing(stage: Stage, point: str) -> None:
    victim = "door" if point.startswith("journal.") and not point.startswith("journal.erase") else "worker"
    forgets = "when sealed" if point.startswith("lake.delete") else "at once"
    said = stage.play(victim=victim, fault=point, after=0, forget=forgets)
    assert said["trouble"] == []
    assert said["died"], "the crash point was not met"

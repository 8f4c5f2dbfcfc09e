"""Kill -9 at any moment loses and doubles nothing."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.postgres import Homes, Server

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("ZERODISTANCE_KILLS", "2"))
ROUNDS_A_HOME = 20
SEEN_ELSEWHERE = (  # what no round of seconds reaches: jobs of the night, commands, imports, undoing; see test_seldom.py, test_undo.py
    "backup.",  # in tests/doors/backups
    "emptying.",  # in tests/doors/test_examples.py
    "feeds.",  # in test_feeds.py
    "identity.archive",
    "marketing.",  # in tests/apps/marketing/test_campaigns.py and test_killed.py
    "measurement.",  # in tests/core/measurement
    "identity.rebuild.",
    "identity.households.",
    "identity.expire",
    "identity.revoked",
    "identity.decided",
    "identity.released",
    "identity.match.",
    "identity.placing.",
    "identity.rules.",
    "import.",
    "index.whole",  # a job of every minute; tests/core/profiles/test_index.py
    "lake.replace.",  # in tests/core/profiles/test_states.py
    "lake.settle.",
    "models.kept",  # a command; tests/core/models/test_city.py
    "moving.",
    "outreach.",  # in tests/core/outreach/test_law.py
    "profiles.past",  # a job and a command; tests/core/profiles/test_then.py
    "profiles.given",  # these three in tests/core/profiles/test_given.py
    "profiles.giving",
    "profiles.alone",
    "profiles.blocks",  # a job of every ten minutes; tests/core/profiles/test_blocks.py
    "restore.",
    "segments.",  # in tests/core/segments/test_living.py
    "touchpoints.book",  # a job of every minute; tests/core/touchpoints/test_book.py
    "undo.",
)
FORGETTING = (
    "forget.backups",
    "forget.feeds",
    "forget.profiles",
    "forget.outreach",
    "forget.sends",
    "forget.channels",
    "forget.marketing",
    "forget.measurement",
    "forget.segments",
    "forget.identity",
    "forget.past",
)  # made from the names of the rooms that take a share
WRITTEN = [
    point
    for path in (ROOT / "zerodistance").rglob("*.py")
    for point in re.findall(r"fault\.point\((.+)\)\n", path.read_text())
]
NAMED = {point.strip('"') for point in WRITTEN if re.fullmatch(r'"[a-z.]+"', point)}
POINTS = sorted({*(point for point in NAMED if not point.startswith(SEEN_ELSEWHERE)), *FORGETTING})


class Stage:
    """The process of stage.py, and the server that holds the states, if one does."""

    def __init__(self, home: Path, server: Server | None = None) -> None:
        self.homes, self.round = home, 0
        self.server, self.databases = server, Homes(server) if server else None
        self.state = ""
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
        if self.databases is not None and not home.exists():
            self.state = self.databases.new()
        told = {"home": str(home), "state": self.state, "round": self.round, "fault": None, **asked}
        self.process.stdin.write(json.dumps(told) + "\n")
        self.process.stdin.flush()
        if asked["victim"] == "server":
            assert self.process.stdout.readline() == "now\n"
            self.kill_server(asked["after"] / 2)
        return dict(json.loads(self.process.stdout.readline()))

    def kill_server(self, after: float) -> None:
        """Kill the server in the middle of a round and let it come back while door and worker live on."""
        assert self.server is not None
        time.sleep(after)
        self.server.kill()
        self.server.start()


BOTH = [
    pytest.param("sqlite", id="sqlite"),
    pytest.param("postgres", id="postgres", marks=[pytest.mark.postgres, pytest.mark.slow]),
]


@pytest.fixture(scope="module", params=BOTH)
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One home that is killed again and again; the server forces its commits to disk, as one in use does."""
    server = Server(durable=True) if request.param == "postgres" else None
    started = Stage(tmp_path_factory.mktemp("killed") / "home", server)
    yield started
    assert started.process.stdin
    started.process.stdin.close()
    started.process.wait()
    if server is not None:
        server.remove()


def test_random_kills_lose_and_double_nothing(stage: Stage) -> None:
    chance = random.Random(KILLS)
    victims = ["door", "worker", "both"] + ["server"] * (stage.server is not None)
    kills = acked = forgot = 0
    while kills < KILLS or acked <= 50 * KILLS or forgot <= KILLS // 8:  # a slow machine needs more rounds
        victim, forgets = chance.choice(victims), chance.choice(["at once", "when sealed", None, None])
        since = chance.choice(
            ["ack", "ack", "asking" if forgets else "ack", "" if victim != "server" else "ack"]
        )
        said = stage.play(
            victim=victim,
            since=since,
            after=chance.uniform(0, 1)
            + 0.8 * (bool(forgets) and since != "asking")
            + 1.5 * (victim == "server"),
            forget=forgets,
        )
        assert said["trouble"] == [], f"round {stage.round}, victim {victim}"
        kills += 1
        acked += said["acked"]
        forgot += said["forgot"]
        assert kills < 20 * KILLS, f"{acked} touches acknowledged, {forgot} users forgotten"
    print(f"{kills} kills, {acked} touches acknowledged, {forgot} users forgotten")


def test_every_crash_point_is_known_here() -> None:
    assert {point for point in WRITTEN if not re.fullmatch(r'"[a-z.]+"', point)} == {
        '"forget." + name',
        '"undo." + name',
    }


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_a_kill_at_a_crash_point_loses_and_doubles_nothing(stage: Stage, point: str) -> None:
    victim = "door" if point.startswith("journal.") and not point.startswith("journal.erase") else "worker"
    forgets = "when sealed" if point.startswith("lake.delete") else "at once"
    said = stage.play(victim=victim, fault=point, after=0, forget=forgets)
    assert said["trouble"] == []
    assert said["died"], "the crash point was not met"

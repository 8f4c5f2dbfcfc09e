"""Trouble that kills nobody loses and doubles nothing either: a full disk, a clock that jumps back, two workers on one home."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import needs
from tests.crash.test_kill import POINTS, ROOT
from tests.patience import PATIENCE
from tests.postgres import Homes, Server
from zerodistance.kernel.home import open_home
from zerodistance.kernel.settings import load

ROUNDS = 2
SMALL = "64m"
BOTH = [
    pytest.param("sqlite", id="sqlite"),
    pytest.param("postgres", id="postgres", marks=pytest.mark.postgres),
]
pytestmark = pytest.mark.slow


class Stage:
    """The process of trouble.py, the server that holds the states, if one does, and the small filesystem, if there is one."""

    def __init__(self, folder: Path, server: Server | None = None, *, small: bool = False) -> None:
        self.folder, self.round = folder, 0
        self.server, self.databases = server, Homes(server) if server else None
        words = [sys.executable, "-m", "tests.crash.trouble"]
        if small:
            mount = f'mount -t tmpfs -o size={SMALL} none "$0" && exec "$@"'
            words = [*needs.own_mounts(), "sh", "-c", mount, str(folder), *words]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            words, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def play(self, trouble: str, *, point: str | None = None, forget: str | None = None) -> dict[str, Any]:
        """Play one round in a home of its own."""
        assert self.process.stdin and self.process.stdout
        self.round += 1
        state = self.databases.new() if self.databases is not None else ""
        home = self.folder / str(self.round)
        asked = {
            "home": str(home),
            "state": state,
            "round": self.round,
            "trouble": trouble,
            "point": point,
            "forget": forget,
        }
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        return dict(json.loads(self.process.stdout.readline()))

    def end(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(PATIENCE)
        if self.server is not None:
            self.server.remove()


@pytest.fixture(scope="module", params=BOTH)
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    started = Stage(tmp_path_factory.mktemp("trouble"), Server() if request.param == "postgres" else None)
    yield started
    started.end()


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    started = Stage(tmp_path_factory.mktemp("points"))
    yield started
    started.end()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    started = Stage(tmp_path_factory.mktemp("small"), small=True)
    yield started
    started.end()


def refuse_while(stage: Stage, trouble: str) -> None:
    """Play rounds, as many more as it takes until the disk was once too full for a request."""
    played = refused = 0
    while played < ROUNDS or not refused:
        said = stage.play(trouble)
        assert said["trouble"] == []
        assert said["acked"] > 0 and said["late"] > 0, "it goes on once there is space"
        assert set(said["said"]) <= {"200", "429", "503"}
        refused += said["said"].get("503", 0)
        played += 1
        assert played < 10 * ROUNDS, "the disk was never full"


def test_a_disk_on_which_nothing_can_grow_any_more_loses_and_doubles_nothing(stage: Stage) -> None:
    refuse_while(stage, "full")


@pytest.mark.mount
def test_a_filesystem_of_which_nothing_is_left_loses_and_doubles_nothing(small: Stage) -> None:
    refuse_while(small, "filled")


@pytest.mark.parametrize("point", POINTS)
def test_a_write_that_fails_three_times_is_made_good(embedded: Stage, point: str) -> None:
    said = embedded.play(
        "point", point=point, forget="when sealed" if point.startswith("lake.delete") else "at once"
    )
    assert said["met"], "the crash point was not met"
    assert said["trouble"] == []
    assert said["late"] > 0 and set(said["said"]) <= {"200", "503"}


def test_a_clock_that_jumps_back_an_hour_loses_doubles_and_reorders_nothing(stage: Stage) -> None:
    for _ in range(ROUNDS):
        said = stage.play("clock")
        assert said["trouble"] == []
        assert set(said["said"]) == {"200"}


def zd(home: Path, url: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "zerodistance", f"--home={home}", "--lang=en", *words]
    environment = {**os.environ, "ZERODISTANCE_STATE_URL": url}
    return subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


@pytest.mark.postgres
def test_a_copy_of_a_home_does_not_work_on_its_database_while_the_home_does(
    databases: Homes, tmp_path: Path
) -> None:
    home, copy, url = tmp_path / "home", tmp_path / "copy", databases.server.new_database()
    assert zd(home, url, "init").returncode == 0
    shutil.copytree(home, copy)
    with open_home(load(home=home, state_url=url)).worked() as still:
        for command in ("run", "worker"):
            refused = zd(copy, url, command)
            assert refused.returncode == 1
            assert "[worker_elsewhere]" in refused.stderr and "a copy of this home" in refused.stderr
            assert "Traceback" not in refused.stderr
        assert still()
    assert zd(copy, url, "run").returncode == 0, "whoever comes after the first has ended may work"

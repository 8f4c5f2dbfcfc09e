"""Restore drill: backups are made while door and worker run and load comes in, then each is restored and judged.

A process of its own: it forks. It prints one JSON object: for each backup how many touches were acknowledged when it began, how
long the lake stood still, and what is wrong with the home that was restored from it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import IO, Any

import zerodistance.compose as compose
from tests.crash import stage
from tests.doors.backups import world
from tests.patience import until
from zerodistance.core.touchpoints import tail
from zerodistance.doors.backups import making, restoring
from zerodistance.doors.worker import once
from zerodistance.kernel.findings import Level
from zerodistance.kernel.home import Home, open_home
from zerodistance.kernel.settings import Settings, load
from zerodistance.kernel.state import State

BACKUPS = 2
ENOUGH = 100  # touches that were acknowledged before the last backup, at the least
PAUSE = 0.05  # seconds between two posts of each of the four lanes


def main(folder: Path, url: str = "") -> None:
    """Run the drill below `folder`, with the state in the database `url`, or in a file."""
    world.hand_over()
    settings = load(home=folder / "home", state_url=url, **stage.SETTINGS)
    stage.POSTS, stage.LATER = 0, PAUSE
    os.waitpid(stage.child(lambda: stage.make(settings), None), 0)
    told = tempfile.TemporaryFile()  # noqa: SIM115
    asked = {"round": 1, "forget": None}
    door = stage.child(lambda: stage.door_life(settings, asked, told.fileno()), None)
    work = stage.child(lambda: stage.worker_life(settings), None)
    try:
        taken = back_up(folder, url, settings, told)
    finally:  # whoever reads what we print waits for them too
        for pid in (door, work):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    said = told_so_far(told)
    out = [
        judge(folder, acked(said[:before]), name) | {"still_ms": still, "mark": mark}
        for before, name, still, mark in taken
    ]
    print(json.dumps(out))


def back_up(folder: Path, url: str, settings: Settings, told: IO[bytes]) -> list[Any]:
    """Make backups while load comes in; return of each how much the door had said before, its name, how long it held still, its mark."""
    taken: list[Any] = []
    for _ in range(BACKUPS):
        await_batch(folder / "home" / "state.db", url, taken[-1][-1]["batch"] if taken else -1)
        until(lambda: len(acked(told_so_far(told))) > ENOUGH)
        before = os.fstat(told.fileno()).st_size
        heard, tell = os.pipe()

        def life(tell: int = tell) -> None:
            made = making.make(open_home(settings), stage.WHO, folder / "backups", with_key=True)
            os.write(tell, json.dumps([made.manifest.name, made.still_ms, dict(made.manifest.mark)]).encode())

        pid = stage.child(life, None)
        os.close(tell)
        assert os.waitpid(pid, 0)[1] == 0
        with os.fdopen(heard) as pipe:
            taken.append((before, *json.loads(pipe.read())))
    return taken


def await_batch(path: Path, url: str, last: int) -> None:
    """Wait until a batch after `last` is committed, however busy the machine is, and until something waits again."""

    def committed() -> bool:
        time.sleep(0.2)
        with closing(State(path, url)) as state, state.read() as tx:
            return bool(tx.exec_driver_sql("select coalesce(max(number), 0) from batch").scalar_one() > last)

    until(committed, f"no batch after {last}")


def told_so_far(told: IO[bytes]) -> bytes:
    """Return what the door has said, without moving the place at which it goes on writing."""
    return os.pread(told.fileno(), os.fstat(told.fileno()).st_size, 0)


def acked(said: bytes) -> set[str]:
    """Return the message ids that were answered 200 by then."""
    return {word for line in said.decode().splitlines() for word in line.split()[1:]}


def judge(folder: Path, acknowledged: set[str], name: str) -> dict[str, Any]:
    """Restore one backup and return what is wrong: nothing acknowledged before it is missing or doubled."""
    done = restoring.restore(
        load(home=folder / name, **stage.SETTINGS), stage.WHO, folder / "backups", at=name
    )
    home = done.home
    trouble = [f"doctor: {f.text.en}" for f in compose.checks(home) if f.level is Level.DAMAGE]
    once(compose.work(home))
    trouble += [f"doctor, later: {f.text.en}" for f in compose.checks(home) if f.level is Level.DAMAGE]
    held = counts(home)
    known = held.keys() | {r.source_id for r in stage.refused(home)}
    trouble += [f"lost: {i}" for i in sorted(acknowledged - known)][:5]
    trouble += [f"doubled: {i} x {n}" for i, n in held.items() if n != 1][:5]
    home.close()
    return {"name": name, "acknowledged": len(acknowledged), "held": len(held), "trouble": trouble}


def counts(home: Home) -> dict[str, int]:
    with home.engine.connect() as connection:
        tail.touches_view(connection, home)
        return dict(
            connection.execute("select source_id, count(*) from touches group by source_id").fetchall()
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])

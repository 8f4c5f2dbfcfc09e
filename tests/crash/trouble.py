"""A process in which door and worker live through trouble that kills nobody: a disk that is full, a clock that jumps.

Started by `test_trouble.py`, one for a whole test; it imports everything once and forks. It reads rounds as JSON lines and answers each with
one: {"home", "state": URL of a PostgreSQL database or "", "round", "trouble": "full" | "filled" | "clock" | "point", "point", "forget"} ->
{"acked", "late": acknowledged after the last trouble, "said": how often each status was answered, "met", "trouble": [...]}.

* `full`: from a random moment on no file may grow beyond a random size (`RLIMIT_FSIZE`, 0 most often), for parts of a second, again and again;
* `filled`: the home lies on a small filesystem, of which a file takes all that is left, again and again;
* `clock`: the clock jumps back an hour, once more, and then forward to where it belongs;
* `point`: the write at a crash point fails three times, as on a full disk.

Clients send again what was not answered 200, as published ones do.
"""

from __future__ import annotations

import asyncio
import errno
import importlib
import json
import mmap
import os
import pkgutil
import random
import resource
import shutil
import signal
import struct
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import select

import zerodistance
from tests.crash import stage
from tests.patience import PATIENCE
from zerodistance.core.touchpoints import sources, store, tail
from zerodistance.core.touchpoints.http import Collector, collector
from zerodistance.kernel import fault
from zerodistance.kernel.home import Home, open_home
from zerodistance.kernel.settings import Settings, load

LANES = 4
TURNS = 12  # times that the disk is full in one round
HOUR = 3_600
FREE = resource.RLIM_INFINITY


def main() -> None:
    """Play rounds until standard input ends."""
    for found in pkgutil.walk_packages(zerodistance.__path__, "zerodistance."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    for line in sys.stdin:
        sys.stdout.write(json.dumps(play(json.loads(line))) + "\n")
        sys.stdout.flush()


def play(asked: dict[str, Any]) -> dict[str, Any]:
    """Play one round and judge it."""
    root, chance = Path(asked["home"]), random.Random(asked["round"])
    small = (
        {"min_free_bytes": 0} if asked["trouble"] == "filled" else {}
    )  # the door must not stop before the disk is full
    settings = load(home=root, state_url=asked["state"], **stage.SETTINGS, **small)
    if not (root / "key").exists():
        os.waitpid(stage.child(lambda: stage.make(settings), None), 0)
    shift, met, rest = mmap.mmap(-1, 8), mmap.mmap(-1, 1), mmap.mmap(-1, 1)
    heard = Heard()

    def begin(worker: bool) -> int:
        def life() -> None:
            bend(shift)
            fail(asked["point"], met)
            if worker:
                stage.worker_life(settings)
            else:
                door_life(settings, asked, heard.tell, rest)

        return stage.child(life, None)

    pids = {"door": begin(False), "worker": begin(True)}
    try:
        heard.more_than(0)
        time.sleep(0.3)
        for _ in trouble(asked, root, chance, pids, shift, met, heard):
            if os.waitid(os.P_PID, pids["worker"], os.WEXITED | os.WNOHANG) is not None:
                pids["worker"] = begin(True)  # as `serve` does
        before = heard.count()
        time.sleep(0.5)
        heard.more_than(before)
        rest[0] = 1
        done = heard.until_done()
    finally:
        for pid in pids.values():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)
    told = heard.end()
    bad = stage.judge(
        settings,
        root,
        {"ack": told, "asking": heard.words["asking"], "forgot": heard.words["forgot"]},
        wrong,
    )
    if asked["trouble"] == "filled":
        shutil.rmtree(root)  # the next home needs the space
    return {
        "acked": len(told), "late": len(told) - before, "said": dict(heard.said), "met": bool(met[0]),
        "trouble": bad if done else [*bad, "the door or a client stood still"],
    }  # fmt: skip


# -- the trouble


def trouble(
    asked: dict[str, Any],
    root: Path,
    chance: random.Random,
    pids: dict[str, int],
    shift: mmap.mmap,
    met: mmap.mmap,
    heard: Heard,
) -> Iterator[None]:
    """Make trouble, and give the caller a turn after each piece of it."""
    if asked["trouble"] == "clock":
        for hours in (-1, -2, 0):
            shift[:] = struct.pack("<q", hours * HOUR)
            before = heard.count()
            time.sleep(2.0)
            heard.more_than(before)
            yield
        return
    if asked["trouble"] == "point":
        wait_for(lambda: bool(met[0]))
        time.sleep(0.3)
        yield
        return
    for _ in range(TURNS):
        room = chance.choice([0, 0, chance.randint(0, 300_000)])
        with filled(root) if asked["trouble"] == "filled" else limited(pids, room):
            time.sleep(chance.uniform(0.1, 0.6))
        time.sleep(chance.uniform(0.1, 0.4))
        yield


@contextmanager
def limited(pids: dict[str, int], room: int) -> Iterator[None]:
    """Let no file of door and worker grow beyond `room` bytes inside the block."""
    for bound in (room, FREE):
        for pid in pids.values():
            with suppress(ProcessLookupError):  # a worker that has given up; the next one has no limit
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (bound, FREE))
        if bound == room:
            yield


@contextmanager
def filled(root: Path) -> Iterator[None]:
    """Take all that is left of the filesystem inside the block."""
    path = root.parent / "filler"
    with path.open("wb", buffering=0) as file:
        size = 1 << 22
        while size >= 4_096:
            try:
                file.write(b"\0" * size)
            except OSError:
                size //= 4
        yield
    path.unlink()


def bend(shift: mmap.mmap) -> None:
    """Let this process' clock differ from the machine's by as many seconds as `shift` says."""
    true, true_ns = time.time, time.time_ns
    time.time = lambda: true() + struct.unpack("<q", shift)[0]
    time.time_ns = lambda: true_ns() + struct.unpack("<q", shift)[0] * 1_000_000_000


def fail(point: str | None, met: mmap.mmap) -> None:
    """Let the write at a crash point fail three times in this process."""
    left = 3

    def passed(name: str) -> None:
        nonlocal left
        if name == point and left:
            left -= 1
            met[0] = 1
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), name)

    fault.point = passed


def wait_for(look: Callable[[], bool]) -> bool:
    """Wait until something is so, for as long as the slowest machine needs; say whether it is."""
    end = time.monotonic() + PATIENCE
    while not (found := look()) and time.monotonic() < end:
        time.sleep(0.02)
    return found


# -- the clients


class Heard:
    """What the door's process says, read as it comes: a full disk or pipe must not hold it up."""

    def __init__(self) -> None:
        self._read, self.tell = os.pipe()
        self.said, self.words = (
            Counter[str](),
            {kind: set[str]() for kind in ("ack", "asking", "forgot", "done")},
        )
        self._thread = threading.Thread(target=self._hear)
        self._thread.start()

    def _hear(self) -> None:
        with os.fdopen(self._read) as lines:
            for line in lines:
                kind, *words = line.split()
                if kind == "said":
                    self.said.update(words)
                else:
                    self.words[kind].update(words or ["all"])

    def count(self) -> int:
        return len(self.words["ack"])

    def more_than(self, number: int) -> bool:
        """Wait until more were acknowledged; whoever stands still for ever is told of by `until_done`."""
        return wait_for(lambda: self.count() > number)

    def until_done(self) -> bool:
        return wait_for(lambda: bool(self.words["done"]))

    def end(self) -> set[str]:
        """Return every message id that was answered 200; nobody else may hold the pipe any more."""
        os.close(self.tell)
        self._thread.join()
        return self.words["ack"]


def door_life(settings: Settings, asked: dict[str, Any], told: int, rest: mmap.mmap) -> None:
    """Collect from four clients until `rest` is set and each has been answered 200 for all it sent."""
    asyncio.run(clients(open_home(settings), asked, told, rest))


async def clients(home: Home, asked: dict[str, Any], told: int, rest: mmap.mmap) -> None:
    collect = collector(home)
    await collect.startup()
    key = sources.every(home)[0].write_key
    if asked["forget"]:
        what = home, f"f{asked['round']}", told, asked["forget"] == "when sealed"
        threading.Thread(target=stage.forget_later, args=what, daemon=True).start()
    await asyncio.gather(*(client(collect, key, asked["round"], lane, told, rest) for lane in range(LANES)))
    os.write(told, b"done\n")
    await asyncio.sleep(HOUR)


async def client(collect: Collector, key: str, round_: int, lane: int, told: int, rest: mmap.mmap) -> None:
    chance, n, posts = random.Random(f"{round_}/{lane}"), 0, 0
    while not rest[0]:
        posts += 1
        if posts % 40 == 0:  # a pause in which the journal is tidied up
            await asyncio.sleep(0.8)
        events = [stage.event(round_, lane, n + i, chance) for i in range(chance.randint(1, 10))]
        n += len(events)
        while (status := await stage.post(collect, key, events)) != 200:
            os.write(told, f"said {status}\n".encode())
            await asyncio.sleep(0.05)
        os.write(told, ("said 200\nack " + " ".join(e["messageId"] for e in events) + "\n").encode())
        await asyncio.sleep(0.01)


# -- the judge


def wrong(home: Home) -> list[str]:
    """Return the clients whose touches do not stand in the log as they were sent, and what was refused that is not bad."""
    with home.state.read() as tx:
        reasons = tx.execute(select(store.quarantine.c.reason).distinct()).scalars().all()
    return [f"refused: {reason}" for reason in reasons if reason != "bad_timestamp"] + out_of_order(home)


def out_of_order(home: Home) -> list[str]:
    with home.engine.connect() as connection:
        tail.touches_view(connection, home)
        ids = connection.execute("select source_id from touches order by batch, row").fetchall()
    last: dict[str, int] = {}
    found: dict[str, str] = {}
    for (source_id,) in ids:
        sender, _, n = source_id.rpartition("-")
        if int(n) <= last.get(sender, -1):
            found.setdefault(sender, f"out of order: {source_id} after {last[sender]}")
        last[sender] = int(n)
    return list(found.values())[:5]


if __name__ == "__main__":
    main()

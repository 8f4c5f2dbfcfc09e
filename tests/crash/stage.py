"""A process that plays rounds of door and worker in forked children, kills them, and says what the stores hold afterwards.

Started by `test_kill.py`, one for a whole test: it imports everything once and forks, so that a round takes a fraction of a
second. It reads rounds as JSON lines and answers each with one: {"home", "state": URL of a PostgreSQL database or "", "round",
"fault": "point:n" or null, "victim": "door" | "worker" | "both" | "server", "since": "" | "ack" | "asking", "after": seconds, "forget":
"at once" | "when sealed" | null} -> {"acked", "forgot", "died", "trouble": [...]}. The moment of a kill is counted from the start, or from
the first line of the log that begins with the word `since`: how far a round gets does not hang on the pace of the machine. A server is
killed by who started it, in the middle of the round, once a line `now` is printed.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import importlib
import itertools
import json
import os
import pkgutil
import random
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from sqlalchemy import select

import zerodistance
import zerodistance.compose as compose
from tests.patience import PATIENCE
from zerodistance.core.identity import api as identity
from zerodistance.core.touchpoints import forget, kept, ledger, sources, store, tail
from zerodistance.core.touchpoints.http import Collector, collector
from zerodistance.doors import worker as doors_worker
from zerodistance.kernel import clock, fault
from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import StateAway, ZeroDistanceError
from zerodistance.kernel.findings import Level
from zerodistance.kernel.home import Home, create_home, open_home
from zerodistance.kernel.settings import Settings, load
from zerodistance.kernel.text import Text

WHO = Who.system("crash")
SETTINGS = {
    "seal_seconds": 1,
    "index_seconds": 0.15,
    "poll_ms": 5,
    "dedup_ids": 1_000_000,
    "engine_memory_mb": 256,
}
POSTS = 300  # of each of the four lanes: what a judge can look through in a second
LATER = 3.0  # seconds between two posts of a lane beyond those: a worker that begins late sees some, a door has time to tidy


def main() -> None:
    """Play rounds until standard input ends."""
    for found in pkgutil.walk_packages(zerodistance.__path__, "zerodistance."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    for line in sys.stdin:
        asked = json.loads(line)
        said = json.dumps(play(asked))
        sys.stdout.write(said + "\n")
        sys.stdout.flush()


def play(asked: dict[str, Any]) -> dict[str, Any]:
    """Play one round and judge it."""
    root = Path(asked["home"])
    settings = load(home=root, state_url=asked["state"], **SETTINGS)
    if not (root / "key").exists():
        os.waitpid(child(lambda: make(settings), None), 0)
    log = tempfile.TemporaryFile()  # noqa: SIM115  no pipe: once that is full, the door would stand still
    told = log.fileno()
    door = child(
        lambda: door_life(settings, asked, told), asked["fault"] if asked["victim"] == "door" else None
    )
    work = child(lambda: worker_life(settings), asked["fault"] if asked["victim"] != "door" else None)
    died = await_death(door, work, asked, told)
    told_us = read_acks(log)
    trouble = judge(settings, root, told_us)
    return {"acked": len(told_us["ack"]), "forgot": len(told_us["forgot"]), "died": died, "trouble": trouble}


def make(settings: Settings) -> None:
    """Make the home, with one source."""
    home = create_home(settings)
    sources.create_source(home, WHO, key="web", name=Text("官网", "web site"), kind="web")


def child(life: Callable[[], None], point: str | None) -> int:
    """Fork a process that lives `life` and dies at the crash point `point`."""
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setpgrp()
        if point:
            name, _, count = point.partition(":")
            fault._wanted, fault._left = name, int(count or 1)
        life()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def await_death(door: int, work: int, asked: dict[str, Any], told: int) -> bool:
    """Wait for the crash point or kill at random, then end both; return whether a crash point was met."""
    since = asked.get("since", "").encode()
    if since:
        await_end((door, work), PATIENCE, lambda: since in os.pread(told, os.fstat(told).st_size, 0))
    if asked["victim"] == "server":
        sys.stdout.write("now\n")
        sys.stdout.flush()
    met = await_end((door, work), PATIENCE if asked["fault"] else asked["after"])
    victims = {"door": (door, work), "worker": (work, door)}.get(asked["victim"], (door, work))
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
        if asked["victim"] != "both" and pid == victims[0]:
            time.sleep(0.03)  # the other one goes on alone for an instant
    for pid in (door, work):
        os.waitpid(pid, 0)
    return met


def await_end(pids: tuple[int, ...], seconds: float, or_else: Callable[[], bool] = lambda: False) -> bool:
    """Wait so long at most, or until something is so, for one of the processes to end; say whether one has."""
    deadline, ended = time.monotonic() + seconds, False
    while not ended and time.monotonic() < deadline and not or_else():
        time.sleep(0.002)
        ended = any(os.waitid(os.P_PID, p, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None for p in pids)
    return ended


def read_acks(log: IO[bytes]) -> dict[str, set[str]]:
    """Return `ack`: message ids that were answered 200; `asking`, `forgot`: users about to be, and taken on to be forgotten."""
    told: dict[str, set[str]] = {"ack": set(), "asking": set(), "forgot": set()}
    with log:
        log.seek(0)
        for line in log.read().decode().splitlines():
            kind, *words = line.split()
            told[kind].update(words)
    return told


# -- the door


def door_life(settings: Settings, asked: dict[str, Any], told: int) -> None:
    """Send batches through the real collector, and ask for some users to be forgotten."""
    home = open_home(settings)
    asyncio.run(send_for_ever(home, asked, told))


async def send_for_ever(home: Home, asked: dict[str, Any], told: int) -> None:
    collect = collector(home)
    await collect.startup()
    source = sources.every(home)[0]
    if asked["forget"]:
        what = home, f"f{asked['round']}", told, asked["forget"] == "when sealed"
        threading.Thread(target=forget_later, args=what, daemon=True).start()
    senders = [send(collect, source.write_key, asked["round"], lane, told) for lane in range(4)]
    await asyncio.gather(*senders)


async def send(collect: Collector, key: str, round_: int, lane: int, told: int) -> None:
    chance, sent = random.Random(f"{round_}/{lane}"), list[dict[str, Any]]()
    for n in itertools.count():  # for ever: who ends by itself counts as killed
        events = [event(round_, lane, n * 10 + i, chance) for i in range(chance.randint(1, 10))]
        sent += events
        again = chance.sample(sent, min(len(sent), 2))
        if await post(collect, key, events + again) == 200:
            os.write(told, ("ack " + " ".join(e["messageId"] for e in events) + "\n").encode())
        await asyncio.sleep(0 if n < POSTS else LATER)


def event(round_: int, lane: int, n: int, chance: random.Random) -> dict[str, Any]:
    """Make one event; lane 3 belongs to the user that is to be forgotten, who stops before that."""
    said: dict[str, Any] = {"messageId": f"{round_}-{lane}-{n}", "anonymousId": f"a{chance.randint(0, 40)}"}
    if lane == 3:
        forgotten = n < 30
        said = {"messageId": f"{round_}-{'f' if forgotten else lane}-{n}", "anonymousId": f"b{round_}"}
        if forgotten:
            return {**said, "type": "track", "event": "x", "userId": f"f{round_}", "anonymousId": None}
    if lane == 2:  # somebody new, who logs in a few requests later: a visitor becomes a person
        said["anonymousId"] = f"v{round_}-{n // 60}"
        if n % 60 >= 40:
            return {**said, "type": "identify", "userId": f"w{round_}-{n // 60}"}
    elif chance.random() < 0.2:
        user = chance.randint(0, 40)
        return {**said, "type": "identify", "userId": f"u{user}", "traits": {"email": f"u{user}@example.cn"}}
    if chance.random() < 0.05:
        return {**said, "type": "track", "timestamp": "never"}
    return {
        **said,
        "type": "track",
        "event": "Order Completed",
        "properties": {"total": 10, "note": "ring me"},
    }


async def post(collect: Collector, key: str, events: list[dict[str, Any]]) -> int:
    body = gzip.compress(json.dumps({"batch": events}).encode(), 1)
    basic = base64.b64encode(f"{key}:".encode())
    scope: dict[str, Any] = {
        "type": "http", "method": "POST", "path": "/v1/batch", "query_string": b"",
        "headers": [(b"authorization", b"Basic " + basic), (b"content-encoding", b"gzip"), (b"content-length", b"%d" % len(body))],
    }  # fmt: skip
    parts: list[dict[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]
    status = 0

    async def receive() -> dict[str, Any]:
        return parts.pop() if parts else {"type": "http.disconnect"}

    async def answer(message: Any) -> None:
        nonlocal status
        status = message.get("status", status)

    await collect(scope, receive, answer)
    return status


def forget_later(home: Home, user: str, told: int, sealed: bool) -> None:
    """As soon as the user is known, and with `sealed` in the lake, ask for it to be forgotten."""
    while True:
        time.sleep(0.02)
        try:
            person = identity.lookup(home, WHO, "user_id", user)
        except ZeroDistanceError:
            continue
        known = clock.micros()
        time.sleep(0.1)
        while sealed and not in_lake(home, known):
            time.sleep(0.05)
        with home.state.read() as tx:
            subjects = identity.subjects_of(tx, person.number)
        os.write(told, f"asking {user}\n".encode())
        forget.ask(home, WHO, person.id, subjects, "crash test")
        os.write(told, f"forgot {user}\n".encode())
        return


def in_lake(home: Home, since: int) -> bool:
    """Say whether everything that was committed until `since` has left the tail; not yet, while the server is away."""
    try:
        with home.state.read() as tx:
            files, last = tail.listed(tx), ledger.last_batch(tx)
    except StateAway:
        return False
    held = home.lake.held(tail.TABLE, tail.APP)
    return 0 < held <= last and all(f.committed_at > since for f in files)


# -- the worker


def worker_life(settings: Settings) -> None:
    """Work until somebody kills us."""
    home = open_home(settings)
    work = compose.work(home)
    stop, broken = threading.Event(), threading.Event()
    doors_worker._loops(home, work, stop, broken)
    raise SystemExit("the worker gave up")


# -- the judge


def judge(
    settings: Settings,
    root: Path,
    told_us: dict[str, set[str]],
    also: Callable[[Home], list[str]] = lambda _: [],
) -> list[str]:
    """Start again after the crash, let everything be digested, and return what is wrong; `also` looks for more."""
    log = root / "told.json"
    known = json.loads(log.read_text()) if log.exists() else {}
    every = {kind: set(known.get(kind, ())) | words for kind, words in told_us.items()}
    log.write_text(json.dumps({kind: sorted(words) for kind, words in every.items()}))
    heard, told = os.pipe()

    def life() -> None:
        with os.fdopen(told, "w") as pipe:
            json.dump(verdict(settings, every, also), pipe)

    pid = child(life, None)
    os.close(told)
    with os.fdopen(heard) as pipe:
        said = pipe.read()
    _, status = os.waitpid(pid, 0)
    return list(json.loads(said)) if status == 0 and said else [f"the judge ended with {status}"]


def verdict(settings: Settings, told_us: dict[str, set[str]], also: Callable[[Home], list[str]]) -> list[str]:
    """Return what is wrong: every acknowledged touch is there exactly once, but those of people who were forgotten."""
    home = opened_again(settings)
    doors_worker.once(compose.work(home))
    trouble = [f"doctor: {f.store}: {f.text.en}" for f in compose.checks(home) if f.level is Level.DAMAGE]
    with home.engine.connect() as connection:
        tail.touches_view(connection, home)
        rows = connection.execute("select source_id, count(*) from touches group by source_id").fetchall()
    held, bad = dict(rows), {r.source_id for r in refused(home)}
    lost = told_us["ack"] - held.keys() - bad
    for user in told_us["asking"]:
        theirs = {i for i in told_us["ack"] if i.startswith(f"{user[1:]}-f-")}
        there = theirs & held.keys()
        asked_in_vain = user not in told_us["forgot"] and there == theirs  # killed before it was taken on
        if there and not asked_in_vain:
            trouble.append(f"not forgotten: {sorted(there)[:5]}")
        lost -= theirs
    trouble += [f"doubled: {i} x {n}" for i, n in held.items() if n != 1][:5]
    trouble += [f"lost: {i}" for i in sorted(lost)][:5]
    waiting = forget.waiting(home)
    if waiting:
        trouble.append(f"not carried out: {waiting}")
    return trouble + also(home)


def opened_again(settings: Settings) -> Home:
    """Open the home as soon as its server is there again."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return open_home(settings)
        except StateAway:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


class _Refused:
    def __init__(self, source_id: str) -> None:
        self.source_id = source_id


def refused(home: Home) -> list[_Refused]:
    """Return the message ids in the quarantine."""
    with home.state.read() as tx:
        raws = tx.execute(select(store.quarantine.c.raw)).scalars().all()
    return [_Refused(json.loads(kept.open(home.seal, raw))["messageId"]) for raw in raws]


if __name__ == "__main__":
    main()

"""The law of sends at its size: `--messages` asked for by five apps at once, handed over by four processes, while these and the mail server are killed.

Time is said by the benchmark, so that days pass in minutes. Meanwhile people withdraw their consent and turn out to be one person. What the mail server has
taken is then held against what was allowed at the moment at which each message was claimed: consent, arms, caps, quiet hours, and that nothing came twice.
The server is a process that writes down what it takes before it says so; with `--postfix` a real one, killed, stopped with a full queue and started again.
With `--postgres` the state is on a PostgreSQL server, which is killed too, and started again.
"""

from __future__ import annotations

import base64
import ctypes
import mmap
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pyroaring import BitMap

from benchmarks.lib import reachable
from benchmarks.lib.machine import arguments, report, say, workspace
from zerodistance.core.measurement import api as measurement
from zerodistance.core.measurement import packing
from zerodistance.core.measurement import store as lots
from zerodistance.core.outreach import consent, limits
from zerodistance.core.outreach.channels import spec
from zerodistance.core.outreach.channels import store as channels
from zerodistance.core.outreach.consent import Word
from zerodistance.core.outreach.policy import Policy
from zerodistance.core.outreach.sends import queue, sending
from zerodistance.core.outreach.sends.sender import CHUNK, Sender
from zerodistance.kernel import bulk, clock
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.home import Home, open_home
from zerodistance.kernel.settings import FILE_NAME, load

T = TypeVar("T")

APPS = ("marketing", "membership", "alliance", "advertising", "shops")
HOUR = 3_600_000_000
BEGIN = clock.to_micros(  # 08:30 in Shanghai, quiet for half an hour yet; a day from now on, since what is queued is due now at the earliest
    datetime.now(UTC).replace(hour=0, minute=30, second=0, microsecond=0) + timedelta(days=2)
)
POLICY = replace(Policy(), minor_age=0, new_days=0)
_EMAIL = 'host = "127.0.0.1"\nport = {port}\ntls = "none"\nfrom = "bounces@brand.example"\nname = "Example"\nconnections = 2\n'
_IDLE = 4  # own value: steps without anything to do after which an hour passes at once


class Clock:
    """What time it is for all processes: 8 bytes of a file."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(8))
        with open(path, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), 8)

    def __call__(self) -> int:
        """Return now, microseconds UTC."""
        return int.from_bytes(self._map[:8], "little")

    def set(self, at: int) -> None:
        """Let it be that time."""
        self._map[:8] = at.to_bytes(8, "little")


@dataclass
class Happened:
    """What happened meanwhile, each with the time at which it did: nothing else was claimed at that time."""

    merged: list[tuple[int, int, int]] = field(default_factory=list)
    withdrew: list[tuple[int, int]] = field(default_factory=list)
    workers_killed: int = 0
    servers_killed: int = 0
    states_killed: int = 0
    whole: threading.Lock = field(default_factory=threading.Lock)
    """Held while the state is away, and by whoever here asks it something."""
    quiet: threading.Event = field(default_factory=threading.Event)
    """Nothing is killed any more."""


def main() -> None:
    """Make a home, let everything happen, look."""
    parser = arguments(__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000, help="messages that apps ask for")
    parser.add_argument("--people", type=int, help="persons; a tenth of the messages without")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--days", type=int, default=4, help="days that pass")
    parser.add_argument("--kill-every", type=float, default=6.0, help="seconds between two kills of a worker")
    parser.add_argument(
        "--kill-after", type=int, default=0, help="mails that arrive at least between two kills"
    )
    parser.add_argument(
        "--wait", action="store_true", help="time stands still while apps ask, or something is due"
    )
    parser.add_argument("--postfix", action="store_true", help="hand over to a real Postfix")
    parser.add_argument(
        "--postgres", action="store_true", help="the state on a PostgreSQL server, killed as well"
    )
    parser.add_argument("--chunk", type=int, default=CHUNK, help="messages that a worker claims at once")
    parser.add_argument("--pace", type=float, default=0.5, help="seconds of ours between two steps of theirs")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    people = options.people or max(100, options.messages // 10)
    with workspace(options.folder) as root:
        server: Any = _Postfix() if options.postfix else _Recorder(root)
        state = _Postgres(root) if options.postgres else None
        try:
            figures = _law(root, server, state, people, options)
        finally:
            server.remove()
            if state is not None:
                state.remove()
    report(
        "outreach_law",
        people=people,
        workers=options.workers,
        server=type(server).__name__.strip("_").lower(),
        state="sqlite" if state is None else "postgres",
        **figures,
    )


def _law(root: Path, server: Any, state: Any, people: int, options: Any) -> dict[str, Any]:
    say(f"making a home of {people:,} persons")
    home = reachable.make(root / "home", people, server.address)
    reachable.set_policy(home, POLICY)
    with home.state.write() as tx:
        said = _EMAIL.format(port=server.port)
        spec.read("email", said)
        channels.set_channel(tx, "email", said=said, is_on=1, changed_by="benchmark", changed_at=1)
    now = Clock(root / "clock")
    now.set(BEGIN)
    began, happened = time.monotonic(), Happened()
    rounds = max(1, options.messages // (len(APPS) * people))
    say(
        f"{len(APPS)} apps ask for {rounds} sends each, to {people:,} persons; {options.workers} workers begin"
    )
    for name in APPS:
        reachable.assigned(home, name, BitMap(range(1, people + 1)), 0.2)
    apps = [_process("app", home, root, name, rounds, options.seed + n) for n, name in enumerate(APPS)]
    workers = [_process("work", home, root, options.chunk) for _ in range(options.workers)]
    chance = random.Random(options.seed)
    kills = threading.Event()
    killer = threading.Thread(target=_kill, args=(home, root, server, state, workers, options, kills, happened), daemon=True)  # fmt: skip
    killer.start()
    end, step, idle = BEGIN + options.days * 24 * HOUR, 0, 0
    while now() < end:
        time.sleep(options.pace)
        step += 1
        with happened.whole:
            busy = _due(home, now()) or any(app.poll() is None for app in apps)
        if not (busy and options.wait):
            now.set(now() + 60_000_000)
        idle = 0 if busy else idle + 1
        if idle >= _IDLE:
            now.set(now() + HOUR)  # nothing to do until later
        if step % 2 == 0 and len(happened.merged) < people // 8:
            with happened.whole:
                _change(home, now, chance, people, happened)
    for app in apps:
        assert app.wait() == 0, (root / "log").read_text()[-3_000:]
    kills.set()
    happened.quiet.wait()
    say("days are over; what is under way ends")
    while _due(home, now()):
        time.sleep(options.pace)
    for worker in workers:
        worker.terminate()
        worker.wait()
    Sender(home, now=now).run_due()
    seconds = time.monotonic() - began
    say("looking at what arrived")
    found = _look(home, server.arrived(), happened, people)
    home.close()
    return {
        **found, "seconds": seconds, "workers_killed": happened.workers_killed, "servers_killed": happened.servers_killed,
        "states_killed": happened.states_killed, "merges": len(happened.merged), "withdrawals": len(happened.withdrew),
    }  # fmt: skip


def _log(root: Path) -> int:
    return os.open(root / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def _process(step: str, home: Home, root: Path, *words: object) -> subprocess.Popen[bytes]:
    given = [
        sys.executable,
        "-m",
        "benchmarks.outreach_law",
        step,
        str(home.root),
        str(root),
        *map(str, words),
    ]
    return subprocess.Popen(given, stdout=subprocess.DEVNULL, stderr=_log(root), preexec_fn=_end_with_parent)


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _kill(
    home: Home,
    root: Path,
    server: Any,
    state: Any,
    workers: list[subprocess.Popen[bytes]],
    options: Any,
    stop: threading.Event,
    happened: Happened,
) -> None:
    """Kill a worker again and again, and now and then the mail server and the state's; each is started again."""
    chance, turns, had = random.Random(1), 0, 0
    while not stop.wait(options.kill_every):
        if options.kill_after:  # however slow the machine is, something is done between two kills
            there = len(server.arrived())
            if there < had + options.kill_after:
                continue
            had = there
        place = chance.randrange(len(workers))
        workers[place].send_signal(signal.SIGKILL)
        workers[place].wait()
        workers[place] = _process("work", home, root, options.chunk)
        happened.workers_killed += 1
        turns += 1
        if state is not None and turns % 2 == 0:
            with happened.whole:
                state.kill()
                happened.states_killed += 1
                stop.wait(chance.uniform(0, 0.5))
                state.start()
        if turns % 3 == 0:
            server.kill()
            happened.servers_killed += 1
            stop.wait(1.0)
            server.start()
    happened.quiet.set()
    threading.Event().wait()  # whatever was started here ends with this thread


def _due(home: Home, now: int) -> bool:
    with home.state.read() as tx:
        waits = "select 1 from outreach_message where state = 'queued' and channel = 'email' and urgent = 0 and due_at <= ? limit 1"
        others = (
            "select 1 from outreach_message where state = 'handing' limit 1",
            "select 1 from outreach_send where state = 'approved'",
        )
        return bool(bulk.rows(tx, waits, (now,))) or any(bulk.rows(tx, sql) for sql in others)


def _change(home: Home, now: Clock, chance: random.Random, people: int, happened: Happened) -> None:
    """Let somebody withdraw, and two turn out to be one, at a time of its own."""
    at = now() + 1
    now.set(at)
    a, b = sorted(chance.sample(range(1, people + 1), 2))
    gone = chance.randrange(1, people + 1)
    with home.state.write() as tx:
        bulk.run(tx, "update subject set person = ? where person = ?", (a, b))
        consent.keep(tx, [Word(gone, "marketing", "email", False, at)], at)
    happened.merged.append((at, a, b))
    happened.withdrew.append((at, gone))
    now.set(at + 1)


# -- the look


def _look(home: Home, arrived: list[str], happened: Happened, people: int) -> dict[str, Any]:
    """Hold what arrived against what was allowed when it was claimed."""
    with home.state.read() as tx:
        rows = bulk.rows(tx, "select id, send, subject, state, reason, handed_at from outreach_message")
        experiment: dict[int, str] = dict(bulk.rows(tx, "select number, experiment from outreach_send"))
        held = _held(tx, home)
    states = Counter(f"{state} {reason}".strip() for _, _, _, state, reason, _ in rows)
    message = {one: (send, subject, at) for one, send, subject, _, _, at in rows}
    times = Counter(arrived)
    broken: Counter[str] = Counter(twice=sum(n - 1 for n in times.values() if n > 1))
    broken["unknown_message"] = sum(one not in message for one in times)
    sent = {one for one, _, _, state, _, _ in rows if state == "sent"}
    broken["said_and_not_arrived"] = len(sent - times.keys())
    whose, members = list(range(people + 1)), {n: [n] for n in range(1, people + 1)}
    days: dict[int, Counter[int]] = {}
    had: dict[int, set[int]] = {}
    withdrew: dict[int, int] = {}
    for at, subject in happened.withdrew:
        withdrew.setdefault(subject, at)
    zone, merges = ZoneInfo("Asia/Shanghai"), iter([*happened.merged, (1 << 62, 0, 0)])
    merge = next(merges)
    for one in sorted(times.keys() & message.keys(), key=lambda one: message[one][2]):
        send, subject, at = message[one]
        while merge[0] < at:
            _, a, b = merge  # whoever is b is a now
            for member in members.get(b, ()):
                whose[member] = a
            members[a] = members.get(a, []) + members.pop(b, [])
            days[a] = days.get(a, Counter()) + days.pop(b, Counter())
            had[a] = had.get(a, set()) | had.pop(b, set())
            merge = next(merges)
        person = whose[subject]
        today = limits.day_of(home, at)
        mine = days.setdefault(person, Counter())
        mine[today] += 1
        for most, of in ((1, 1), (3, 7), (8, 30)):
            broken["cap"] += sum(n for day, n in mine.items() if day > today - of) > most
        broken["quiet"] += not 9 <= clock.from_micros(at).astimezone(zone).hour < 21
        broken["consent"] += withdrew.get(subject, 1 << 62) < at
        broken["holdout"] += any(member in held[experiment[send]] for member in members[person])
        broken["same_send"] += send in had.setdefault(person, set())
        had[person].add(send)
    return {"messages": len(rows), "arrived": len(arrived), "broken": dict(broken), "states": dict(states)}


def _held(tx: Any, home: Home) -> dict[str, set[int]]:
    """Return experiment -> the subjects that are held out."""
    found: dict[str, set[int]] = {}
    for key, number in bulk.rows(tx, "select key, number from experiment"):
        arms = lots.arms(tx, number, after=0)
        found[key] = {int(s) for row in arms for blob in (row.held, row.aside) for s in packing.unpack(blob)}
    return found


# -- mail servers


class _Recorder:
    """A process that takes everything, see `lib.taking`."""

    address = reachable.ADDRESS

    def __init__(self, root: Path) -> None:
        self._log = root / "arrived"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self.start()

    def start(self) -> None:
        self._running = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.lib.taking", str(self.port), str(self._log)]
        )

    def kill(self) -> None:
        self._running.send_signal(signal.SIGKILL)
        self._running.wait()

    def remove(self) -> None:
        self.kill()

    def arrived(self) -> list[str]:
        """Return the id of each mail that arrived."""
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        return [_message(line.partition(" ")[0]) for line in lines]


class _Postfix:
    """A real server: every address is one mailbox; killed, it comes back with what it had taken, stopped and started in between."""

    def __init__(self) -> None:
        from tests import postfix

        self._server = postfix.Server("all")
        self.port, self.address = self._server.port, f"all+{{n}}@{postfix.PEOPLE}"

    def start(self) -> None:
        self._server.start()

    def kill(self) -> None:
        self._server.kill()
        self._server.start()
        self._server.stop()

    def remove(self) -> None:
        self._server.remove()

    def arrived(self) -> list[str]:
        """Return the id of each mail that arrived, when its queue is empty."""
        deadline = time.monotonic() + 600
        while many := self._server.waiting():
            assert time.monotonic() < deadline, f"{many} mails are still in the queue of the mail server"
            self._server.flush()
            time.sleep(3)
        found = []
        for mail in self._server.mails("all"):
            path = next(line for line in mail.splitlines() if line.startswith(b"Return-Path:"))
            found.append(_message(path.decode().partition("<")[2].partition("@")[0]))
        return found


class _Postgres:
    """A server for the state, which forces commits to disk, as one in use does."""

    def __init__(self, root: Path) -> None:
        from tests import postgres

        self._server = postgres.Server(durable=True)
        self.kill, self.start, self.remove = self._server.kill, self._server.start, self._server.remove
        (root / "home").mkdir()
        (root / "home" / FILE_NAME).write_text(f'state_url = "{self._server.new_database()}"\n')


def _message(local: str) -> str:
    """Return the message that an envelope's sender names: `bounces+TOKEN`."""
    return base64.b32decode(local.rpartition("+")[2].upper())[:12].hex()


# -- processes


def _app(home: Home, now: Clock, name: str, rounds: int, seed: int) -> None:
    """Ask for sends to everybody whom its experiment lets, as an app does, with templates of the brand."""
    chance = random.Random(seed)
    object.__setattr__(home.settings, "send_approval_size", 1 << 40)
    receipt = _again(lambda: measurement.receipt(home, name, 1))
    for n in range(rounds):
        ask = partial(
            sending.send, home, reachable.SYSTEM, receipt, "autumn", send_key=f"{name}-{n}",
            not_before=now() + chance.randrange(0, 30) * HOUR,
        )  # fmt: skip
        send = _again(ask)
        _again(partial(queue.fill, home, send.number))


def _again(ask: Callable[[], T]) -> T:
    """Ask until the state is there to answer: under one key, twice is once."""
    while True:
        try:
            return ask()
        except ZeroDistanceError as error:
            if not error.retry:
                raise
            time.sleep(0.2)


def _work(home: Home, now: Clock, chunk: int) -> None:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    made = Sender(home, chunk=chunk, now=now)
    made.run(stop, 0.2)
    made.stop(30)


if __name__ == "__main__":
    if len(sys.argv) > 3 and sys.argv[1] in ("app", "work"):
        step, folder, root, *rest = sys.argv[1:]
        opened = _again(partial(open_home, load(home=folder)))
        said = Clock(Path(root) / "clock")
        try:
            if step == "app":
                _app(opened, said, rest[0], *map(int, rest[1:]))
            else:
                _work(opened, said, int(rest[0]))
        finally:
            opened.close()
    else:
        main()

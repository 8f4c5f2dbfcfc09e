"""The load: a process of its own that sends prepared requests over keep-alive connections at a rate, or as fast as answers come."""

from __future__ import annotations

import asyncio
import json
import mmap
import re
import resource
import subprocess
import sys
import time
from array import array
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import uvloop

from benchmarks.lib.machine import say
from benchmarks.lib.traffic import Requests

TICK = 0.001
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
AFTER_SECONDS = 30.0
"""How long answers are waited for after the last request is sent."""


@dataclass(frozen=True)
class Order:
    """What is to be sent.

    Attributes
    ----------
    rate
        Requests a second, sent when they are due whatever the answers do; 0: each connection sends as soon as it has its answer.
    seconds
        For how long.
    requests
        At most so many; 0: the file is begun again from its start when it ends.
    """

    path: str
    port: int
    connections: int
    rate: float
    seconds: float
    requests: int = 0


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes
    ----------
    seconds
        From the first request until the last was sent.
    answered
        Requests answered 200 within these seconds; `answered_after` is how many came later.
    not_200
        Requests answered otherwise, or not at all.
    statuses
        Status -> requests; `0`: no answer.
    waits
        Seconds from when a request was due (or sent, without a rate) until its answer.
    marks
        Per request of the file: 1 answered 200, 2 sent and not, 0 never sent.
    slices
        Requests answered 200 in each second.
    cpu_s
        Processor time of the load itself.
    began
        When the first request was sent, `time.monotonic()`.
    """

    seconds: float
    answered: int
    answered_after: int
    not_200: int
    statuses: dict[str, int]
    waits: npt.NDArray[np.float64]
    marks: npt.NDArray[np.uint8]
    slices: list[int]
    cpu_s: float
    began: float


class _Line(asyncio.Protocol):
    """One keep-alive connection with at most one request under way."""

    def __init__(self, load: _Load) -> None:
        self.load, self.request, self.due = load, -1, 0.0
        self.heard = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.load.idle(self)

    def send(self, request: int, due: float) -> None:
        self.request, self.due = request, due
        assert self.transport is not None
        self.transport.write(self.load.bytes_of(request))

    def data_received(self, data: bytes) -> None:
        if self.heard:
            data = self.heard + data
        if not data.endswith(b"}") and not _whole(data):  # ours are JSON objects and need no second look
            self.heard = data
            return
        self.heard = b""
        request, self.request = self.request, -1
        self.load.answered(request, self.due, data[9:12])
        self.load.idle(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.load.lost(self)


def _whole(answer: bytes) -> bool:
    """Say whether an answer that is no JSON object is there to its end."""
    head, gap, body = answer.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    return bool(gap) and length is not None and len(body) >= int(length[1])


class _Load:
    def __init__(self, order: Order) -> None:
        self.order = order
        self.offsets = np.load(Path(order.path).with_suffix(".offsets.npy")).tolist()
        self.count = len(self.offsets) - 1
        self.file = open(order.path, "rb")  # noqa: SIM115
        self.map = mmap.mmap(self.file.fileno(), 0, prot=mmap.PROT_READ)
        self.map.madvise(mmap.MADV_SEQUENTIAL)
        self.marks = np.zeros(self.count, np.uint8)
        self.waits = array("d")
        self.at = array("d")
        self.statuses: dict[str, int] = {}
        self.free: deque[_Line] = deque()
        self.late: deque[tuple[int, float]] = deque()
        self.sent = self.done = 0
        self.began = self.ended = 0.0
        self.open = True

    def bytes_of(self, request: int) -> bytes:
        return self.map[self.offsets[request] : self.offsets[request + 1]]

    def idle(self, line: _Line) -> None:
        if self.late:
            line.send(*self.late.popleft())
        elif self.order.rate or not self.began:
            self.free.append(line)
        else:
            self.next(line, time.monotonic())

    def next(self, line: _Line, due: float) -> None:
        order = self.order
        if (
            not self.open
            or due >= self.began + order.seconds
            or (order.requests and self.sent >= order.requests)
        ):
            if self.open:
                self.open, self.ended = False, time.monotonic()
            return
        line.send(self.sent % self.count, due)
        self.sent += 1

    def answered(self, request: int, due: float, status: bytes) -> None:
        now = time.monotonic()
        self.done += 1
        good = status == b"200"
        if good:
            self.waits.append(now - due)
            self.at.append(now)
        else:
            name = status.decode("latin-1")
            self.statuses[name] = self.statuses.get(name, 0) + 1
        self.marks[request] = 1 if good else 2

    def lost(self, line: _Line) -> None:
        if line.request >= 0:
            self.answered(line.request, line.due, b"0")
        if line in self.free:
            self.free.remove(line)
        if self.open:
            asyncio.get_running_loop().call_later(0.1, lambda: asyncio.ensure_future(self.connect()))

    async def connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: _Line(self), "127.0.0.1", self.order.port)
        except OSError:
            if self.open:
                loop.call_later(0.5, lambda: asyncio.ensure_future(self.connect()))

    async def run(self) -> None:
        for _ in range(self.order.connections):
            await self.connect()
        self.began = time.monotonic()
        if self.order.rate:
            await self._at_rate()
        else:
            lines = list(self.free)
            self.free.clear()
            for line in lines:
                self.next(line, time.monotonic())
            while self.open and time.monotonic() < self.began + self.order.seconds:
                await asyncio.sleep(0.02)
        self.ended = self.ended or time.monotonic()
        self.open = False
        while self.done < self.sent and time.monotonic() < self.ended + AFTER_SECONDS:
            await asyncio.sleep(0.01)

    async def _at_rate(self) -> None:
        order, gap = self.order, 1 / self.order.rate
        total = round(order.rate * order.seconds)
        total = min(total, order.requests) if order.requests else total
        while self.sent < total:
            now = time.monotonic()
            while self.sent < total and (due := self.began + self.sent * gap) <= now:
                request = self.sent % self.count
                self.sent += 1
                if self.free:
                    self.free.popleft().send(request, due)
                else:
                    self.late.append((request, due))
            await asyncio.sleep(TICK)
        self.ended = time.monotonic()


def main() -> None:
    """Carry out the order given as JSON; leave arrays beside the file and print the rest."""
    order = Order(**json.loads(sys.argv[1]))
    load = _Load(order)
    uvloop.run(load.run())
    at = np.array(load.at) - load.began
    seconds = load.ended - load.began
    unanswered = load.sent - load.done
    if unanswered:
        load.statuses["0"] = load.statuses.get("0", 0) + unanswered
    base = Path(order.path)
    np.save(base.with_suffix(".marks.npy"), load.marks)
    np.save(base.with_suffix(".waits.npy"), np.array(load.waits))
    used = resource.getrusage(resource.RUSAGE_SELF)
    said = {
        "seconds": seconds,
        "answered": int((at <= seconds).sum()),
        "answered_after": int((at > seconds).sum()),
        "not_200": sum(load.statuses.values()),
        "statuses": load.statuses,
        "slices": np.bincount(at[at <= seconds].astype(int)).tolist() if len(at) else [],
        "cpu_s": used.ru_utime + used.ru_stime,
        "began": load.began,
    }
    print(json.dumps(said), flush=True)


class Running:
    """A load under way."""

    def __init__(
        self,
        requests: Requests,
        port: int,
        *,
        connections: int,
        seconds: float,
        rate: float = 0.0,
        most: int = 0,
    ) -> None:
        self._path = requests.path
        order = Order(str(requests.path), port, connections, rate, seconds, most)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.lib.load", json.dumps(asdict(order))], stdout=subprocess.PIPE
        )

    def going(self) -> bool:
        """Say whether it still sends or waits for answers."""
        return self._process.poll() is None

    def stop(self) -> None:
        """End it early."""
        self._process.kill()
        self._process.wait()

    def outcome(self) -> Outcome:
        """Wait for the end and return what came of it."""
        printed = self._process.communicate()[0]
        if self._process.returncode:
            raise SystemExit("the load failed")
        said: dict[str, Any] = json.loads(printed.splitlines()[-1])
        arrays = {name: np.load(self._path.with_suffix(f".{name}.npy")) for name in ("marks", "waits")}
        if said["not_200"]:
            say(f"answers that were not 200: {said['statuses']}")
        return Outcome(**said, **arrays)


if __name__ == "__main__":
    main()

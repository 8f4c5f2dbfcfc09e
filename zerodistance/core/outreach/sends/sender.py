"""The sender: a thread for each channel claims, writes, hands over and marks; several processes may do so at once.

A process says every few seconds that it lives. One that has not, or whose process is gone, is dead: what it was handing over is taken up by whoever looks next.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Sequence, Set
from contextlib import suppress

from zerodistance.core.outreach.channels import opening
from zerodistance.core.outreach.contracts import Channel, Handed, Outcome, Outgoing, SendState
from zerodistance.core.outreach.sends import clearing, pausing, queue, senders, store
from zerodistance.core.outreach.sends.writing import Writer
from zerodistance.kernel import clock, fault
from zerodistance.kernel.errors import ZeroDistanceError, told
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log

CHUNK, FIRST, SPAN = 200, 50, 5.0
"""Own values: messages claimed at once; that many at most are of unknown outcome when a process is killed. Of a slow channel so many as it takes in some
seconds, since what was asked of them (consent, hours) is as old as that when the last of them goes."""
BEAT, GONE, DEAD = 3.0, 10.0, 60.0
"""Own values, seconds: a sender says that it lives that often; it is dead when it was silent for so long and its process is gone, or for so long at all."""
_PAUSE = 0.5  # own value, seconds: between two looks
_REST_FIRST, _REST_MOST = 1.0, 60.0  # own values, seconds: pause of a channel that takes nothing
Now = Callable[[], int]


class Sender:
    """Hands over what is due, for one process.

    Parameters
    ----------
    now
        Says what time it is, microseconds UTC.
    """

    def __init__(self, home: Home, *, chunk: int = CHUNK, now: Now = clock.micros) -> None:
        self._home, self._chunk, self._now = home, chunk, now
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads: dict[str, threading.Thread] = {}
        self._numbers: dict[str, int] = {}
        self._looked_at = 0.0
        self._rest: dict[str, tuple[float, float]] = {}
        self._sizes: dict[str, int] = {}
        self.sent = 0
        """Messages that were handed over and taken, since the process began."""

    # -- for the worker

    def start_due(self) -> int:
        """Look after dead senders and sends to be queued, and start a thread for each channel that has something due; return how many were started."""
        self._look()
        return len(self._start())

    def run_due(self) -> int:
        """Hand over everything that is due now, and wait until that is done; return how many messages were taken."""
        before = self.sent
        self._look(at_once=True)
        while self._start():
            for thread in list(self._threads.values()):
                thread.join()
            self._look(at_once=True)
        return self.sent - before

    def stop(self, seconds: float) -> bool:
        """Let what is being handed over end; return whether it has, within so many seconds."""
        self._stop.set()
        until = time.monotonic() + seconds
        for thread in list(self._threads.values()):
            thread.join(max(0.0, until - time.monotonic()))
        ended = not any(thread.is_alive() for thread in self._threads.values())
        if ended and self._numbers:
            with suppress(Exception), self._home.state.write() as tx:
                senders.end(tx, self._numbers.values())
        return ended

    def run(self, stop: threading.Event, pause: float = _PAUSE) -> None:
        """Go on until `stop`, also while the state store is away: for a process that does nothing else."""
        while not stop.is_set():
            try:
                self.start_due()
            except ZeroDistanceError as error:
                if not error.retry:
                    raise
                log("outreach").warning("sender_waits", error=told(error))
            stop.wait(pause)

    # -- once in a while

    def _look(self, *, at_once: bool = False) -> None:
        at = time.monotonic()
        if not at_once and at - self._looked_at < BEAT:
            return
        self._looked_at = at
        if mine := list(self._numbers.values()):
            with self._home.state.write() as tx:
                senders.beat(tx, mine, clock.micros())
            idle = [n for name, n in list(self._numbers.items()) if not self._is_at_work(name)]
            clearing.give_back(self._home, idle)
        with self._home.state.read() as tx:
            dead = [one["number"] for one in senders.living(tx) if self._is_dead(one)]
            lost = dead or store.handing_of_none(tx)
            waiting = [one["number"] for one in store.sends(tx, states=[SendState.APPROVED])]
        if lost:
            queue.recover(self._home, self._now(), dead)
        for number in waiting:
            queue.fill(self._home, number)
        pausing.carry_out(self._home)
        clearing.finish(self._home)

    def _is_at_work(self, channel: str) -> bool:
        thread = self._threads.get(channel)
        return thread is not None and thread.is_alive()

    def _is_dead(self, one: store.Row) -> bool:
        if one["number"] in self._numbers.values():
            return False
        silent = abs(clock.micros() - one["beat_at"]) / clock.MICROS_PER_SECOND  # a clock may be set back
        if one["host"] == socket.gethostname() and not _runs(one["pid"]):
            return bool(silent > GONE)
        return bool(silent > DEAD)

    def _start(self) -> list[str]:
        with self._lock:
            self._threads = {name: one for name, one in self._threads.items() if one.is_alive()}
            found: list[str] = [name for name in opening.names(self._home) if self._is_due(name)]
            for name in found:
                thread = threading.Thread(target=self._go, args=(name,), name=f"send-{name}", daemon=True)
                self._threads[name] = thread
                thread.start()
            return found

    def _is_due(self, channel: str) -> bool:
        if channel in self._threads or self._stop.is_set():
            return False
        if time.monotonic() < self._rest.get(channel, (0.0, 0.0))[0]:
            return False
        with self._home.state.read() as tx:
            at = store.next_due(tx, channel)
        return at is not None and at <= self._now()

    # -- one channel

    def _go(self, channel: str) -> None:
        """Hand over what is due by a channel until nothing is."""
        try:
            opened = opening.open_channel(self._home, channel)
        except Exception as error:
            self._tired(channel, told(error))
            return
        try:
            if channel not in self._numbers:
                self._register(channel)
            writer = Writer(self._home, channel)
            while not self._stop.is_set() and self._step(opened, writer):
                pass
        except Exception as error:
            self._tired(channel, told(error))
        finally:
            opened.close()

    def _register(self, channel: str) -> None:
        with self._home.state.write() as tx:
            self._numbers[channel] = senders.begin(tx, socket.gethostname(), os.getpid(), clock.micros())

    def _step(self, opened: Channel, writer: Writer) -> bool:
        """Claim, hand over and mark one chunk; return whether to go on."""
        number = self._numbers[opened.name]
        most = min(self._chunk, self._sizes.get(opened.name, FIRST))
        try:
            looked = queue.claim(self._home, number, opened.name, most, opened.rate, self._now())
        except queue.TakenForDead:  # the machine slept, or the clock was set
            log("outreach").warning("sender_begins_anew", channel=opened.name)
            self._register(opened.name)
            return True
        if looked.claimed is None:
            if looked.wait:
                self._stop.wait(min(1.0, looked.wait))
                return True
            return looked.met > 0
        claimed, gone, began = looked.claimed, set[str](), time.monotonic()
        try:
            written, handed, gone = writer.write(claimed)
        except Exception:  # one of them can't be written: the others are
            written, handed, gone = _one_by_one(writer, claimed)
        fault.point("outreach.hand")
        try:
            handed += opened.hand(written) if written else []
        except Exception as error:  # a channel that answers for nothing: nobody knows how far it came
            handed = _all(claimed, Outcome.UNKNOWN, told(error))
        fault.point("outreach.handed")
        self._sizes[opened.name] = size_of(most, len(claimed.rows), time.monotonic() - began)
        self._settle(opened.name, number, claimed, handed, gone)
        self.sent += sum(one.outcome is Outcome.ACCEPTED for one in handed)
        if handed and all(
            one.outcome is not Outcome.ACCEPTED and one.outcome is not Outcome.REFUSED for one in handed
        ):
            self._tired(opened.name, handed[0].detail)
            return False
        self._rest.pop(opened.name, None)
        return True

    def _settle(
        self, channel: str, number: int, claimed: queue.Claimed, handed: Sequence[Handed], gone: Set[str]
    ) -> None:
        """Mark what was handed over, again and again while the state store does not answer; given up, its number goes, and it counts as lost."""
        while True:
            try:
                queue.settle(self._home, number, claimed, handed, self._now(), gone)
                return
            except Exception as error:
                log("outreach").error("not_marked", channel=channel, error=told(error))
                passing = isinstance(error, ZeroDistanceError) and error.retry
                if not passing or self._stop.wait(_REST_FIRST):
                    self._numbers.pop(channel, None)
                    with suppress(Exception), self._home.state.write() as tx:
                        senders.end(tx, [number])
                    raise

    def _tired(self, channel: str, why: str) -> None:
        """Let a channel rest that takes nothing: a second, then longer and longer."""
        _, before = self._rest.get(channel, (0.0, 0.0))
        pause = min(_REST_MOST, max(_REST_FIRST, 2 * before))
        self._rest[channel] = time.monotonic() + pause, pause
        log("outreach").error("channel_rests", channel=channel, seconds=pause, error=why)


def size_of(most: int, handed: int, seconds: float) -> int:
    """Return how many messages are claimed next, where so many of `most` took so long: about as many as go in `SPAN` seconds, at most twice as many.

    Examples
    --------
    >>> size_of(20, 20, 0.1), size_of(20, 3, 0.1), size_of(200, 200, 50.0), size_of(1, 1, 60.0)
    (40, 20, 20, 1)
    """
    fit = int(handed * SPAN / max(seconds, 1e-6))
    return max(1, min(fit, 2 * most, CHUNK)) if handed == most or fit < most else most


def _one_by_one(writer: Writer, claimed: queue.Claimed) -> tuple[list[Outgoing], list[Handed], set[str]]:
    """Return what `Writer.write` does, message by message: one that can't be written keeps no other from going."""
    written, handed, gone = list[Outgoing](), list[Handed](), set[str]()
    for row in claimed.rows:
        try:
            mine = writer.write(queue.Claimed((row,), claimed.sends))
        except Exception as error:
            log("outreach").error("not_written", send=row["send"], error=told(error))
            handed.append(Handed(row["id"], Outcome.LATER, "", told(error)[:200]))
        else:
            written, handed, gone = written + mine[0], handed + mine[1], gone | mine[2]
    return written, handed, gone


def _all(claimed: queue.Claimed, outcome: Outcome, why: str) -> list[Handed]:
    return [Handed(row["id"], outcome, "", why[:200]) for row in claimed.rows]


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

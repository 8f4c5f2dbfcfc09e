"""Running what is due, some feeds at once, each in a thread of its own: one that hangs or fails holds up no other."""

from __future__ import annotations

import threading
import time

from zerodistance.connectors.feeds import kept, pulling
from zerodistance.kernel import priority
from zerodistance.kernel.home import Home
from zerodistance.kernel.locks import is_held

AT_ONCE = 4  # own value
_NICE = 19  # as whatever the worker does that nobody waits for


class Runner:
    """Runs the feeds of a home for a worker."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._stop = threading.Event()
        self._threads: dict[int, threading.Thread] = {}

    def start_due(self) -> int:
        """Start what is due and not under way, as far as there is a thread for it; return how many were started."""
        return len(self._start(kept.due(self._home)))

    def run_due(self) -> int:
        """Run what is due now and wait until it has ended; return how many feeds were run."""
        waiting = kept.due(self._home)
        ran = 0
        while started := self._start(waiting):
            ran += len(started)
            waiting = [number for number in waiting if number not in started]
            for number in started:
                self._threads[number].join()
        return ran

    def _start(self, numbers: list[int]) -> list[int]:
        self._threads = {n: thread for n, thread in self._threads.items() if thread.is_alive()}
        free = [n for n in numbers if not is_held(kept.lock_path(self._home, n))]
        chosen = free[: max(0, AT_ONCE - len(self._threads))]
        for number in chosen:
            thread = threading.Thread(target=self._run, args=(number,), name=f"feed-{number}", daemon=True)
            self._threads[number] = thread
            thread.start()
        return chosen

    def stop(self, seconds: float) -> bool:
        """Let everything under way end; return whether it has, within so many seconds."""
        self._stop.set()
        until = time.monotonic() + seconds
        for thread in self._threads.values():
            thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads.values())

    def _run(self, number: int) -> None:
        priority.thread_gives_way(_NICE)
        try:
            pulling.run(self._home, number, stop=self._stop)
        except (pulling.Stopping, pulling.FeedBusy, kept.NoFeed):
            return
        except Exception:  # noted with its reason, and tried again
            return

"""Work that a page waits for: one thread of the door each, with its stage, and what came of it for as long as it is looked at.

Nothing of it outlives the door. What it does must be whole by itself: it may be gone between two looks.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request

from zerodistance.kernel import clock
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.logs import log
from zerodistance.kernel.text import Text

_KEPT = 20  # own value: results that can be looked at again
_SOON = 1.5  # seconds that a page waits before it shows a stage, own value
Told = Callable[[Text, int, int], None]


class Failed(ZeroDistanceError):
    """Work ended with an error of the program, which stands in its log."""

    code = "work_failed"
    text = Text(
        "没有做完，程序出错了；详情在日志里",
        "it was not finished: an error of the program, which its log tells",
    )


@dataclass
class Work:
    """Some work: what it is of, its stage, and when it is done its result or its error.

    Attributes
    ----------
    of
        Whatever the page that began it wants to know again.
    """

    key: str
    kind: str
    of: Any
    began_at: int
    stage: Text | None = None
    result: Any = None
    error: ZeroDistanceError | None = None
    _done: threading.Event = field(default_factory=threading.Event)

    @property
    def done(self) -> bool:
        """Whether it is over."""
        return self._done.is_set()

    def wait(self) -> None:
        """Wait a little: most of it is over at once."""
        self._done.wait(_SOON)

    def run(self, do: Callable[[Told], Any]) -> None:
        """Do it, and keep what comes of it."""
        try:
            self.result = do(self._tell)
        except ZeroDistanceError as error:
            self.error = error
        except Exception:
            log("portal").error("work_failed", kind=self.kind, exc_info=True)
            self.error = Failed()
        finally:
            self._done.set()

    def _tell(self, stage: Text, done: int, of: int) -> None:
        self.stage = stage


class Works:
    """What is under way and what is done, the latest of it; at most one piece of a kind is under way."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._works: OrderedDict[str, Work] = OrderedDict()

    def get(self, key: str) -> Work | None:
        """Return work, None if this door knows none of it (any more)."""
        return self._works.get(key)

    def under_way(self, kind: str) -> Work | None:
        """Return the piece of a kind that is under way, None where none is."""
        with self._lock:
            return next((one for one in self._works.values() if one.kind == kind and not one.done), None)

    def done(self, kind: str) -> list[Work]:
        """Return the pieces of a kind that are over and still known, the latest first."""
        with self._lock:
            return [one for one in reversed(self._works.values()) if one.kind == kind and one.done]

    def begin(self, kind: str, of: Any, do: Callable[[Told], Any]) -> Work:
        """Begin work on a thread of its own; where some of the kind is under way, return that instead."""
        with self._lock:
            for one in self._works.values():
                if one.kind == kind and not one.done:
                    return one
            work = Work(secrets.token_hex(8), kind, of, clock.micros())
            self._works[work.key] = work
            while len(self._works) > _KEPT:
                self._works.popitem(last=False)
        threading.Thread(target=work.run, args=(do,), name=f"work-{kind}", daemon=True).start()
        return work


def works_of(request: Request) -> Works:
    """Return the works of this door."""
    state = request.app.state
    if not hasattr(state, "works"):
        state.works = Works()
    works: Works = state.works
    return works

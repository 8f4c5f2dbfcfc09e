"""The record of exact counts: who was told how many fit which rule. It is written beside the answer, so that nobody waits for it.

Lines are kept for a second and written in one transaction; what is asked again and again while somebody types is one line. When a home is closed, and
when the program ends, what is left is written; a program that is killed loses a second of it.
"""

from __future__ import annotations

import atexit
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any
from weakref import WeakValueDictionary

from zerodistance.core.segments import store
from zerodistance.core.segments.contracts import Rule
from zerodistance.core.segments.questions import Exact
from zerodistance.core.segments.rules import write_text
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log
from zerodistance.kernel.state import State

_SECONDS = 1.0  # own value
_MOST = 10_000  # own value: lines that wait while the state is away; the oldest go to the program's log
_Line = tuple[str, str, str, int, int]


class _Book:
    """What waits to be written into one state."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._lines: OrderedDict[_Line, list[int]] = OrderedDict()
        self._timer: threading.Timer | None = None
        self._closed = False
        state.before_close.append(self.close)

    def close(self) -> None:
        """Write what waits, for the last time."""
        self._closed = True
        self.write()

    def add(self, line: _Line, at: int) -> None:
        """Keep one line; it is written within a second or so."""
        with self._lock:
            self._lines.setdefault(line, [at, 0])[1] += 1
            while len(self._lines) > _MOST:
                gone, _ = self._lines.popitem(last=False)
                log("segments").warning("exact_not_recorded", who=gone[0], verb=gone[1], rule=gone[2])
            if self._timer is None and not self._closed:
                self._timer = threading.Timer(_SECONDS, self.write)
                self._timer.daemon = True
                self._timer.start()

    def write(self) -> None:
        """Write what waits; it goes on waiting when the state is away."""
        with self._writing:
            with self._lock:
                lines, self._lines = self._lines, OrderedDict()
                if self._timer is not None:
                    self._timer.cancel()
                self._timer = None
            if not lines:
                return
            names = ("who", "verb", "rule", "persons", "visitors")
            rows: list[dict[str, Any]] = [
                {**dict(zip(names, line, strict=True)), "said_at": at, "times": times}
                for line, (at, times) in lines.items()
            ]
            try:
                with self._state.write() as tx:
                    store.note_exact(tx, rows)
            except Exception as error:  # whoever asked has the answer; the record is tried again
                log("segments").warning("exact_waits", lines=len(rows), why=str(error).partition("\n")[0])
                for line, (at, times) in lines.items():
                    for _ in range(times):
                        self.add(line, at)


_books: WeakValueDictionary[int, _Book] = (
    WeakValueDictionary()
)  # by the identity of the state, which keeps its book
_making = threading.Lock()


@atexit.register
def _at_the_end() -> None:
    """Write what waits when the program ends."""
    for book in list(_books.values()):
        book.write()


def note(home: Home, who: Who, verb: str, rule: Rule, persons: int, visitors: int = 0) -> None:
    """Record that somebody was told an exact count, or how many members were listed or exported."""
    with _making:
        book = _books.get(id(home.state))
        if book is None:
            book = _books[id(home.state)] = _Book(home.state)
    book.add((who.name, verb, write_text(rule), persons, visitors), clock.micros())


def written(home: Home, who: Who, most: int = 100) -> Sequence[Exact]:
    """Return the newest lines of the record, the newest first; needs MANAGE_ACCOUNTS."""
    who.need(Permission.MANAGE_ACCOUNTS)
    book = _books.get(id(home.state))
    if book is not None:
        book.write()
    with home.state.read() as tx:
        rows = store.exact(tx, most)
    return [Exact(**{name: row[name] for name in Exact.__slots__}) for row in rows]


def expire(home: Home) -> int:
    """Remove what is older than the setting `audit_days`; return how many lines."""
    before = clock.micros() - home.settings.audit_days * 86_400 * clock.MICROS_PER_SECOND
    with home.state.write() as tx:
        return store.drop_exact(tx, before)

"""Slow statements of state and engine: their text without values, how long, when and where; the last ones of each process.

A ring of bounded size in memory. `keep` says which file below `runs/` it is written to as well, so that `zerodistance status --slow` and the
portal see what another process found.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from zerodistance.kernel import clock, measure
from zerodistance.kernel.logs import log

MOST = 100  # own value: statements that are kept of one process
LETTERS = 600  # own value: of one statement's text
T = TypeVar("T")

_QUOTED = re.compile(
    r"(--[^\n]*|/\*.*?\*/)|(\$(\w*)\$.*?\$\3\$|[eEbBxX]?'(?:[^']|'')*')|\"(?:[^\"]|\"\")*\"", re.DOTALL
)
"""A comment, a value, or a name in quotes: whatever begins first, as what begins within it is none."""
_VALUES = (
    (re.compile(r"(?<![\w.$:@\"])\d[\d_.]*(?:[eE][+-]?\d+)?\b"), "?"),
    (re.compile(r"\s+"), " "),
    (re.compile(r"\?(?:\s*,\s*\?)+"), "?, …"),
    (re.compile(r"(\((?:\?|\?, …)\))(?:\s*,\s*\((?:\?|\?, …)\))+"), r"\1, …"),
)
_PACKAGE = str(Path(__file__).parents[1]) + "/"
_OUTSIDE = ("kernel/state.py", "kernel/slow.py", "kernel/engine.py")


@dataclass(frozen=True, slots=True)
class Slow:
    """One slow statement.

    Attributes
    ----------
    store
        `state` or `engine`.
    text
        The statement without values, cut to `LETTERS`.
    seconds
        From sending it until its rows were there.
    at
        When it ended, microseconds UTC.
    where
        Who asked: `module:function`, `line` of it.
    process
        `door`, `worker`, or empty for a command.
    """

    store: str
    text: str
    seconds: float
    at: int
    where: str
    process: str = ""


_ring: deque[Slow] = deque(maxlen=MOST)
_lock = threading.Lock()
_kept: list[tuple[str, Path]] = []


def plain(text: str) -> str:
    r"""Return a statement with every value replaced by `?`, on one line, lists shortened.

    Examples
    --------
    >>> plain("select *\n from person where phone = '138''0' and n in (1, 2, 3) -- 138")
    'select * from person where phone = ? and n in (?, …)'
    >>> plain("insert into row values (?, ?), (?, ?)")
    'insert into row values (?, …), …'
    """
    text = _QUOTED.sub(lambda found: " " if found[1] else "?" if found[2] else found[0], text)
    for pattern, instead in _VALUES:
        text = pattern.sub(instead, text)
    text = text.strip()
    return text if len(text) <= LETTERS else text[: LETTERS - 1] + "…"


def keep(home_runs: Path, process: str) -> None:
    """Write the slow statements of this process to `runs/slow-<process>.json` from now on."""
    _kept[:] = [(process, home_runs / f"slow-{process}.json")]


def note(store: str, text: str, seconds: float) -> None:
    """Keep one slow statement and log it."""
    process = _kept[0][0] if _kept else ""
    found = Slow(store, plain(text), round(seconds, 3), clock.micros(), _asked_by(), process)
    with _lock:
        _ring.append(found)
        _write()
    measure.count("slow_queries")
    log("slow").warning(
        "slow_query", store=store, seconds=found.seconds, where=found.where, statement=found.text
    )


def _write() -> None:
    if not _kept:
        return
    path = _kept[0][1]
    draft = path.with_suffix(".new")
    with suppress(OSError):  # a full disk is told elsewhere
        draft.write_text(json.dumps([asdict(one) for one in _ring]), encoding="utf-8")
        draft.replace(path)


def _asked_by() -> str:
    frame = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(_PACKAGE) and not file.endswith(_OUTSIDE):
            module = file.removeprefix(_PACKAGE).removesuffix(".py").replace("/", ".")
            return f"{module}:{frame.f_code.co_name} {frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return ""


def here() -> list[Slow]:
    """Return the slow statements of this process, the newest first."""
    with _lock:
        return list(_ring)[::-1]


def kept(home_runs: Path) -> list[Slow]:
    """Return the slow statements that the door and the worker of a home have written down, the newest first."""
    found: list[Slow] = []
    for path in sorted(home_runs.glob("slow-*.json")):
        with suppress(OSError, ValueError, TypeError):
            found += [Slow(**one) for one in json.loads(path.read_text(encoding="utf-8"))]
    return sorted(found, key=lambda one: -one.at)


class Timer:
    """Times statements against a limit.

    Parameters
    ----------
    store
        `state` or `engine`.
    limit_ms
        From how many milliseconds on a statement is slow; 0: nothing is.
    """

    __slots__ = ("limit", "store")

    def __init__(self, store: str, limit_ms: int) -> None:
        self.store = store
        self.limit = limit_ms / 1_000 if limit_ms else float("inf")

    def ran(self, text: str, began: float) -> None:
        """Say that a statement that began at `began` (monotonic) has ended."""
        seconds = time.monotonic() - began
        if seconds >= self.limit:
            note(self.store, text, seconds)


def watch_state(engine: Any, limit_ms: int) -> None:
    """Time every statement of a SQLAlchemy engine from sending it until the driver has run it."""
    from sqlalchemy import event

    timer = Timer("state", limit_ms)

    def before(_c: Any, _cursor: Any, _text: str, _bound: Any, context: Any, _many: bool) -> None:
        context._zd_began = time.monotonic()

    def after(_c: Any, _cursor: Any, text: str, _bound: Any, context: Any, _many: bool) -> None:
        timer.ran(text, context._zd_began)

    if limit_ms:
        event.listen(engine, "before_cursor_execute", before)
        event.listen(engine, "after_cursor_execute", after)


class Watched:
    """A DuckDB connection or relation whose statements are timed: what it computes when its rows are fetched counts too."""

    __slots__ = ("_inner", "_text", "_timer")

    def __init__(self, inner: Any, timer: Timer, text: str = "") -> None:
        self._inner, self._timer, self._text = inner, timer, text

    def execute(self, query: object, *given: Any, **more: Any) -> Watched:
        """Run a statement; its rows are fetched from what is returned."""
        self._text = str(query)
        self._timed(self._inner.execute, (query, *given), more)
        return self

    def sql(self, query: object, *given: Any, **more: Any) -> Any:
        """Return the rows of a query, computed when they are fetched."""
        text = str(query)
        began = time.monotonic()
        relation = self._inner.sql(query, *given, **more)
        self._timer.ran(text, began)
        return None if relation is None else Watched(relation, self._timer, text)

    def _timed(self, run: Callable[..., T], given: Iterable[Any], more: dict[str, Any]) -> T:
        began = time.monotonic()
        try:
            return run(*given, **more)
        finally:
            self._timer.ran(self._text, began)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not name.startswith(("fetch", "to_arrow", "arrow", "df", "pl")) or not callable(found):
            return found
        return lambda *given, **more: self._timed(found, given, more)

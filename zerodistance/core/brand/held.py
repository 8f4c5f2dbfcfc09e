"""What was worked out of the brand's tables, kept in this process until they are others."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from zerodistance.core.brand import store
from zerodistance.kernel import clock
from zerodistance.kernel.home import Home

T = TypeVar("T")


class _Held(NamedTuple):
    changes: int
    since: int
    until: int | None  # when a row begins or ends to hold
    value: Any


_kept: dict[tuple[str, str], _Held] = {}
_lock = threading.Lock()


def held(home: Home, name: str, work: Callable[[], T]) -> T:
    """Return what `work` returned when the tables last became others; what it reads of them has to be what holds now.

    Parameters
    ----------
    name
        Of what is worked out: each has its own.
    """
    key, now = (str(home.root), name), clock.micros()
    with home.state.read() as tx:
        changes = store.changes(tx)
        with _lock:
            found = _kept.get(key)
        if found and found.changes == changes and found.since <= now < (found.until or now + 1):
            value: T = found.value
            return value
        until = store.holds_until(tx, now)
    value = work()
    with _lock:
        _kept[key] = _Held(changes, now, until, value)
    return value

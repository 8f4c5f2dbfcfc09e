"""How long a test waits for what must come: for the thing itself, never for a while.

A busy or slow machine takes as long as it takes; who waits for the thing itself loses nothing by patience. So every bound of
the tests that only says "it hangs" is this one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 300.0
"""Seconds."""


def until(look: Callable[[], T | None], what: str = "", pause: float = 0.02) -> T:
    """Return what `look` finds as soon as it finds something; fail with `what` when nothing comes of it."""
    end = time.monotonic() + PATIENCE
    while not (found := look()):
        assert time.monotonic() < end, what or "it did not come about"
        time.sleep(pause)
    return found

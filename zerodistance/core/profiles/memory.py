"""Work of the engine in a part of its memory, or begun again in all of it, then with fewer persons at a time, where that is not enough."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import duckdb

from zerodistance.core.profiles import evaluate
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log

_TRIES = (
    (0.25, evaluate.SUBJECTS),
    (1.0, evaluate.SUBJECTS),
    (1.0, evaluate.SUBJECTS // 8),
)  # own values: share of an engine connection, subjects at a time. Sorting states spills well, and digestion goes on beside it; where that does not do, all
Done = TypeVar("Done")


def with_memory(home: Home, work: Callable[[duckdb.DuckDBPyConnection, int], Done]) -> Done:
    """Do work, which is given a connection and how many subjects it may take at a time."""
    for share, most in _TRIES:
        try:
            with home.engine.connect(share=share) as connection:
                return work(connection, most)
        except duckdb.OutOfMemoryException as error:
            if (share, most) == _TRIES[-1]:
                raise
            why = str(error).partition("\n")[0]
            log("profiles").warning("index_needs_memory", share=share, subjects=most, why=why)
    raise AssertionError  # the last try has returned or raised

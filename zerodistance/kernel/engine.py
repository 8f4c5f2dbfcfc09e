"""The engine: DuckDB connections with a memory limit, a spill folder each and no way to the network."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import duckdb

from zerodistance.kernel.slow import Timer, Watched

_LEAST_MB = 128  # own value: of a share
_FOREIGN_SECONDS = 86_400  # own value: no statement takes so long


class Engine:
    """Makes short-lived DuckDB connections.

    Read times as `epoch_us(column)` or as Arrow: `fetchall` of a zoned timestamp wants pytz.

    Parameters
    ----------
    spill
        Folder for what does not fit into memory. What killed processes left there is removed now.
    memory_mb, threads
        Bounds of one connection.
    slow_ms
        From how many milliseconds on a statement is kept as slow; 0: none is.
    """

    def __init__(self, spill: Path, *, memory_mb: int, threads: int, slow_ms: int = 0) -> None:
        self._timer, self._spill, self._memory_mb = Timer("engine", slow_ms), spill, memory_mb
        self._config: dict[str, str | int | bool | float | list[str]] = {
            "threads": threads,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        _sweep(spill)

    @contextmanager
    def connect(self, *, raw: bool = False, share: float = 1.0) -> Iterator[duckdb.DuckDBPyConnection]:
        """Give an in-memory connection, closed at the end of the block.

        Parameters
        ----------
        raw
            Whether raw personal data go through it. Then nothing is ever written down: a statement that outgrows the memory fails with
            `duckdb.OutOfMemoryException`. Else it spills what the lake holds as well, into a folder of its own, since DuckDB names
            its files alike in every process.
        share
            Of the memory of one connection, for work that spills well.
        """
        folder = self._spill / f"{_prefix()}{os.getpid()}-{secrets.token_hex(8)}"
        limit = f"{max(int(self._memory_mb * share), min(self._memory_mb, _LEAST_MB))}MiB"
        config = {**self._config, "memory_limit": limit, "temp_directory": "" if raw else str(folder)}
        connection = duckdb.connect(":memory:", config=config)
        try:
            connection.execute("set TimeZone = 'UTC'")
            yield cast("duckdb.DuckDBPyConnection", Watched(connection, self._timer))
        finally:
            connection.close()
            shutil.rmtree(folder, ignore_errors=True)


def _prefix() -> str:
    """Return who counts the process numbers here: two containers that share a home each have a process 1."""
    return f"{Path('/proc/self/ns/pid').stat().st_ino}-"


def _sweep(spill: Path) -> None:
    """Remove what processes left behind that are gone; of another container's only what is a day old."""
    prefix = _prefix()
    for left in spill.iterdir() if spill.is_dir() else ():
        pid = left.name.removeprefix(prefix).partition("-")[0]
        ours = left.name.startswith(prefix)
        if Path("/proc", pid).exists() if ours else time.time() - left.stat().st_mtime < _FOREIGN_SECONDS:
            continue
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)

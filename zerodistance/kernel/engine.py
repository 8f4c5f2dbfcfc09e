"""The engine: DuckDB connections with a memory limit, a spill folder and no way to the network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import duckdb

from zerodistance.kernel.slow import Timer, Watched


class Engine:
    """Makes short-lived DuckDB connections.

    Read times as `epoch_us(column)` or as Arrow: `fetchall` of a zoned timestamp wants pytz.

    Parameters
    ----------
    spill
        Folder for what does not fit into memory; encrypted while it lasts.
    memory_mb, threads
        Bounds of one connection.
    slow_ms
        From how many milliseconds on a statement is kept as slow; 0: none is.
    """

    def __init__(self, spill: Path, *, memory_mb: int, threads: int, slow_ms: int = 0) -> None:
        self._timer = Timer("engine", slow_ms)
        self._config: dict[str, str | int | bool | float | list[str]] = {
            "memory_limit": f"{memory_mb}MiB",
            "threads": threads,
            "temp_directory": str(spill),
            "temp_file_encryption": True,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }

    @contextmanager
    def connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Give an in-memory connection, closed at the end of the block."""
        connection = duckdb.connect(":memory:", config=self._config)
        try:
            connection.execute("set TimeZone = 'UTC'")
            yield cast("duckdb.DuckDBPyConnection", Watched(connection, self._timer))
        finally:
            connection.close()

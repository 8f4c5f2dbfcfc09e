"""The engine: DuckDB connections with a memory limit, a spill folder and no way to the network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb


class Engine:
    """Makes short-lived DuckDB connections.

    Read times as `epoch_us(column)` or as Arrow: `fetchall` of a zoned timestamp wants pytz.

    Parameters
    ----------
    spill
        Folder for what does not fit into memory; encrypted while it lasts.
    memory_mb, threads
        Bounds of one connection.
    """

    def __init__(self, spill: Path, *, memory_mb: int, threads: int) -> None:
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
            yield connection
        finally:
            connection.close()

"""The hot tail: one synced Arrow file a batch, named by the commit, until lake and index hold it; and the view `touches`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
from sqlalchemy import Connection, func, select

from zerodistance.core.touchpoints import store
from zerodistance.core.touchpoints.contracts import TOUCHES, widened
from zerodistance.kernel import fault
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

TABLE = "touches"
APP = "touches"


class TailLost(ZeroDistanceError):
    """A committed tail file is not there."""

    code, status = "tail_lost", 500
    text = Text(
        "{folder} 里少了一个已提交的文件；运行 `zerodistance doctor` 查看，并恢复备份",
        "a committed file is missing in {folder}; see `zerodistance doctor`, and restore a backup",
    )


@dataclass(frozen=True)
class TailFile:
    """One committed batch that is not yet only in the lake."""

    batch: int
    file: str
    touches: int
    bytes: int
    committed_at: int


def write_file(folder: Path, batch: int, rows: pa.Table) -> tuple[str, int]:
    """Write one batch durably and return its file name and size; until a commit names it, nobody reads it."""
    name = f"{batch:012d}.arrow"
    path = folder / name
    fault.point("tail.write")
    with open(path, "wb") as file:
        with pa.ipc.new_file(file, rows.schema) as writer:
            writer.write_table(rows)
        file.flush()
        fault.point("tail.fsync")
        os.fsync(file.fileno())
        size = file.tell()
    sync_folder(folder)
    fault.point("tail.written")
    return name, size


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def listed(tx: Connection, after: int = 0) -> list[TailFile]:
    """Return the tail's files of batches after `after`, in order."""
    t = store.tail
    rows = tx.execute(select(t).where(t.c.batch > after).order_by(t.c.batch)).mappings()
    return [TailFile(**row) for row in rows]


def size(tx: Connection) -> int:
    """Return how long the tail is, bytes."""
    return int(tx.execute(select(func.coalesce(func.sum(store.tail.c.bytes), 0))).scalar_one())


def read_files(home: Home, files: Sequence[TailFile]) -> pa.Table:
    """Return the rows of tail files as one Arrow table of `TOUCHES`, mapped from disk.

    Raises
    ------
    FileNotFoundError
        The sealer has moved one of them into the lake since they were listed.
    """
    tables = [pa.ipc.open_file(pa.memory_map(str(home.path("tail", f.file)))).read_all() for f in files]
    return pa.concat_tables(widened(one, TOUCHES) for one in tables) if tables else TOUCHES.empty_table()


def snapshot(home: Home) -> tuple[list[str], pa.Table]:
    """Return the lake's files and the tail rows that are not in them: together every touch exactly once.

    The tail is listed before the lake is opened: what the sealer moves in between is then in both, and left out of the tail.
    """
    missing = ""
    while True:
        with home.state.read() as tx:
            files = listed(tx)
        parts, held = home.lake.snapshot(TABLE, APP)
        try:
            return parts, read_files(home, [f for f in files if f.batch > held])
        except FileNotFoundError as error:
            if (
                str(error) == missing
            ):  # the sealer drops the row before the file, so a second listing can't name it
                raise TailLost(folder=home.path("tail")) from None
            missing = str(error)


def touches_view(connection: duckdb.DuckDBPyConnection, home: Home) -> None:
    """Make the view `touches` (columns of `TOUCHES`) in a DuckDB connection: lake plus tail, one snapshot.

    Key: (batch, row). Grain: one row per accepted touch. Times: UTC.
    """
    parts, hot = snapshot(home)
    columns = ", ".join(TOUCHES.names)
    connection.register("touches_hot", hot)
    connection.execute(
        f"create or replace temp view touches as select {columns} from touches_hot union all select {columns} from {in_lake(connection, parts)}"
    )


def in_lake(connection: duckdb.DuckDBPyConnection, parts: Sequence[str]) -> str:
    """Return what these files of the lake are called in SQL, with all columns of `TOUCHES`: files of before a column was there have nothing in it."""
    connection.register("touches_none", TOUCHES.empty_table())
    if not parts:
        return "touches_none"
    quoted = ", ".join("'" + part.replace("'", "''") + "'" for part in parts)
    read = f"read_parquet([{quoted}], hive_partitioning = true, hive_types = {{'month': varchar}}, union_by_name = true)"
    return f"(select * from touches_none union all by name select * from {read})"

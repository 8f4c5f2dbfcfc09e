"""Rows on their way from blocks to files: each block leaves its rows sorted by time; a file is put together slice by slice of time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zerodistance.sample import scatter
from zerodistance.sample.calendar import DAY, UNTIL
from zerodistance.sample.render import Rows
from zerodistance.sample.town import Town

_BATCH = 2_048
_INDEX = ".npz"
SLICE = 120_000  # rows of a file that are in memory at a time, unless one day has more; own value


@dataclass(frozen=True)
class Spool:
    """What all blocks left of one silo: a file each, and beside it how many rows on which days, and where its batches begin.

    Nothing of it is held in memory, so that a city of many blocks needs no more of it than one of few.
    """

    folder: Path
    silo: str
    blocks: int

    def paths(self) -> Iterator[Path]:
        """Yield the file of each block."""
        return (_path(self.folder, self.silo, number) for number in range(self.blocks))

    def remove(self) -> None:
        """Remove what the blocks left."""
        for path in self.paths():
            path.unlink()
            path.with_suffix(_INDEX).unlink()


def _path(folder: Path, silo: str, block: int) -> Path:
    return folder / f"{silo}-{block}.arrow"


def leave(town: Town, rows: Rows, folder: Path) -> None:
    """Write the rows of a block, sorted by time; those of one moment in an order that says nothing."""
    tie = scatter.mixed(np.arange(len(rows.known)) + (np.int64(town.number) << 24), town.seed + 101)
    order = np.lexsort((tie, rows.known))
    known = rows.known[order]
    columns = {
        "known": pa.array(known),
        "tie": pa.array(tie[order]),
        "person": pc.take(town.person_id(rows.person), pa.array(order)),
        "household": pc.take(town.household_id(rows.person), pa.array(order)),
        "record": pc.take(rows.record, pa.array(order)),
        **{name: pc.take(value, pa.array(order)) for name, value in rows.payload.items()},
    }
    table = pa.table(columns)
    path = _path(folder, rows.silo, town.number)
    options = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema, options=options) as out:
        out.write_table(table, max_chunksize=_BATCH)
    days, counts = np.unique(known // DAY, return_counts=True)
    with path.with_suffix(_INDEX).open("wb") as index:
        np.savez(index, days=days, counts=counts, begins=known[::_BATCH])


def slices(spool: Spool) -> list[tuple[int, int]]:
    """Return the slices of time, in seconds, in which a file is put together: as few as hold no more than `SLICE` rows each."""
    count = np.zeros(UNTIL // DAY + 1, dtype=np.int64)
    for path in spool.paths():
        with np.load(path.with_suffix(_INDEX)) as index:
            count[index["days"]] += index["counts"]
    if not count.any():
        return [(0, DAY)]
    first = int(np.flatnonzero(count)[0])
    count = count[first:]
    out, begin, held = [], 0, 0
    for place, many in enumerate(count.tolist()):
        if held and held + many > SLICE:
            out.append((begin, place))
            begin, held = place, 0
        held += many
    out.append((begin, len(count)))
    return [((first + low) * DAY, (first + high) * DAY) for low, high in out]


def gather(spool: Spool, low: int, high: int) -> pa.Table:
    """Return the rows of a slice of time from all blocks, in the order of the file."""
    found = [table for path in spool.paths() for table in _read(path, low, high)]
    if not found:
        with pa.OSFile(str(next(spool.paths())), "rb") as file:
            return pa.ipc.open_file(file).schema.empty_table()
    table = pa.concat_tables(found)
    order = np.lexsort((table["tie"].to_numpy(), table["known"].to_numpy()))
    return table.take(pa.array(order))


def _read(path: Path, low: int, high: int) -> list[pa.Table]:
    with np.load(path.with_suffix(_INDEX)) as index:
        begins = index["begins"]
    first = max(0, int(np.searchsorted(begins, low)) - 1)
    last = int(np.searchsorted(begins, high))
    if first >= last:
        return []
    with pa.OSFile(str(path), "rb") as file:
        reader = pa.ipc.open_file(file)
        table = pa.Table.from_batches(
            [reader.get_batch(place) for place in range(first, last)], reader.schema
        )
    known = table["known"].to_numpy()
    begin, end = np.searchsorted(known, (low, high))
    return [table.slice(begin, end - begin)] if end > begin else []

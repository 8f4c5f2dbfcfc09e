"""Rows on their way from blocks to files: each block leaves its rows sorted by time; a file is put together slice by slice of time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zerodistance.sample import scatter
from zerodistance.sample.calendar import DAY
from zerodistance.sample.render import Rows
from zerodistance.sample.scatter import Ints
from zerodistance.sample.town import Town

_BATCH = 2_048
SLICE = 120_000  # rows of a file that are in memory at a time, unless one day has more; own value


@dataclass(frozen=True)
class Part:
    """What a block left of one silo: the file, how many rows on which days, and where each batch of the file begins."""

    silo: str
    path: Path
    days: Ints
    counts: Ints
    begins: Ints


def leave(town: Town, rows: Rows, folder: Path) -> Part:
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
    path = folder / f"{rows.silo}-{town.number}.arrow"
    options = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema, options=options) as out:
        out.write_table(table, max_chunksize=_BATCH)
    days, counts = np.unique(known // DAY, return_counts=True)
    return Part(rows.silo, path, days, counts, known[::_BATCH])


def slices(parts: list[Part]) -> list[tuple[int, int]]:
    """Return the slices of time, in seconds, in which a file is put together: as few as hold no more than `SLICE` rows each."""
    every = np.concatenate([part.days for part in parts])
    if len(every) == 0:
        return [(0, DAY)]
    first = int(every.min())
    count = np.bincount(every - first, weights=np.concatenate([part.counts for part in parts]))
    out, begin, held = [], 0, 0
    for place, many in enumerate(count.astype(np.int64).tolist()):
        if held and held + many > SLICE:
            out.append((begin, place))
            begin, held = place, 0
        held += many
    out.append((begin, len(count)))
    return [((first + low) * DAY, (first + high) * DAY) for low, high in out]


def gather(parts: list[Part], low: int, high: int) -> pa.Table:
    """Return the rows of a slice of time from all blocks, in the order of the file."""
    found = [table for part in parts for table in _read(part, low, high)]
    if not found:
        with pa.OSFile(str(parts[0].path), "rb") as file:
            return pa.ipc.open_file(file).schema.empty_table()
    table = pa.concat_tables(found)
    order = np.lexsort((table["tie"].to_numpy(), table["known"].to_numpy()))
    return table.take(pa.array(order))


def _read(part: Part, low: int, high: int) -> list[pa.Table]:
    first = max(0, int(np.searchsorted(part.begins, low)) - 1)
    last = int(np.searchsorted(part.begins, high))
    if first >= last:
        return []
    with pa.OSFile(str(part.path), "rb") as file:
        reader = pa.ipc.open_file(file)
        table = pa.Table.from_batches(
            [reader.get_batch(place) for place in range(first, last)], reader.schema
        )
    known = table["known"].to_numpy()
    begin, end = np.searchsorted(known, (low, high))
    return [table.slice(begin, end - begin)] if end > begin else []

"""The same questions to engines that scan a long table of tags: DuckDB, and ClickHouse in process where it is installed."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from benchmarks.lib.asking import bitmap_queries, places, queries
from benchmarks.lib.machine import say
from benchmarks.lib.placed import Placed
from benchmarks.lib.tagged import Town

_MEMORY = "6GB"
_TOGETHER = 1_000  # communities in a batch
_HOMES = pa.schema([("person", pa.uint32()), ("community", pa.uint32())])


def _pairs(town: Town) -> Iterator[pa.RecordBatch]:
    schema = pa.schema([("node", pa.uint16()), ("person", pa.uint32())])
    for rank in range(1, town.nodes + 1):
        who = town.members(rank)
        yield pa.RecordBatch.from_arrays([np.full(len(who), rank, np.uint16), pa.array(who)], schema=schema)


def _numbers(town: Town) -> pa.Table:
    who, numbers = town.numbers()
    return pa.table({"person": pa.array(who), "value": pa.array(numbers.astype(np.int32))})


def _homes(town: Town) -> Iterator[pa.RecordBatch]:
    """Yield who lives in which community, by place, community after community."""
    (begins, who), _ = Placed(town.people).runs()
    for first in range(0, len(begins) - 1, _TOGETHER):
        edges = begins[first : first + _TOGETHER + 1]
        some = np.repeat(np.arange(first, first + len(edges) - 1, dtype=np.uint32), np.diff(edges))
        yield pa.RecordBatch.from_arrays(
            [pa.array(who[edges[0] : edges[-1]]), pa.array(some)], names=["person", "community"]
        )


def duckdb_(town: Town, folder: Path) -> dict[str, Any]:
    """Load the pairs, ask, and return seconds of loading, bytes, and count and processor milliseconds of each question."""
    with duckdb.connect(folder / "tags.duckdb") as connection:
        connection.execute(
            f"set memory_limit = '{_MEMORY}'; set threads = 2; set temp_directory = '{folder}/spill'"
        )
        began = time.perf_counter()
        schema = pa.schema([("node", pa.uint16()), ("person", pa.uint32())])
        reader = pa.RecordBatchReader.from_batches(schema, _pairs(town))
        connection.register("pairs", reader)
        connection.execute("create table tag as select node, person from pairs")
        connection.register("numbers", _numbers(town))
        connection.execute("create table number as select person, value from numbers")
        connection.unregister("numbers")
        connection.register("homes", pa.RecordBatchReader.from_batches(_HOMES, _homes(town)))
        connection.execute("create table home as select person, community from homes")
        connection.execute("checkpoint")
        loaded = time.perf_counter() - began
        say(f"DuckDB holds the pairs after {loaded:.0f} s")

        def ask(sql: str) -> int:
            return int(connection.execute(sql).fetchall()[0][0])

        asked = _asked(town, queries(town) | places(town), ask)
    return {"load_s": loaded, "bytes": (folder / "tags.duckdb").stat().st_size, "asked": asked}


def chdb_(town: Town, folder: Path) -> dict[str, Any] | None:
    """Do the same with ClickHouse in process; None where it is not installed."""
    if importlib.util.find_spec("chdb") is None:
        say("chdb is not installed: ClickHouse is left out (pip install chdb)")
        return None
    import pyarrow.parquet as pq
    from chdb.session import Session

    began = time.perf_counter()
    path = folder / "tags.parquet"
    schema = pa.schema([("node", pa.uint16()), ("person", pa.uint32())])
    with pq.ParquetWriter(path, schema, compression="none") as writer:
        for batch in _pairs(town):
            writer.write_batch(batch)
    session = Session(str(folder / "chdb"))
    session.query("create database if not exists b")
    session.query(
        "create table b.tag (node UInt16, person UInt32) engine = MergeTree order by (node, person)"
    )
    session.query(f"insert into b.tag select * from file('{path}')")
    pq.write_table(_numbers(town), path, compression="none")
    session.query("create table b.number (person UInt32, value Int32) engine = MergeTree order by person")
    session.query(f"insert into b.number select * from file('{path}')")
    with pq.ParquetWriter(path, _HOMES, compression="none") as writer:
        for batch in _homes(town):
            writer.write_batch(batch)
    session.query(
        "create table b.home (person UInt32, community UInt32) engine = MergeTree order by community"
    )
    session.query(f"insert into b.home select * from file('{path}')")
    path.unlink()
    in_b = {
        name: sql.replace("from home", "from b.home").replace("from tag", "from b.tag")
        for name, sql in places(town).items()
    }

    session.query(
        "create table b.node (node UInt16, who AggregateFunction(groupBitmap, UInt32)) engine = MergeTree order by node "
        "settings index_granularity = 1"
    )
    session.query("insert into b.node select node, groupBitmapState(person) from b.tag group by node")
    loaded = time.perf_counter() - began
    say(f"ClickHouse holds the pairs after {loaded:.0f} s")

    def ask(sql: str) -> int:
        settings = " settings max_threads = 2, max_bytes_before_external_group_by = 3000000000"
        return int(str(session.query(sql + settings, "CSV")).strip())

    return {"load_s": loaded, "asked": _asked(town, bitmap_queries(town) | in_b, ask)}


def _asked(town: Town, asked: dict[str, str], ask: Callable[[str], int]) -> dict[str, tuple[int, float]]:
    found = {}
    for name, sql in asked.items():
        took = []
        for _ in range(3 if town.pairs < 50_000_000 else 1):
            began = time.process_time()
            count = ask(sql)
            took.append(1_000 * (time.process_time() - began))
        found[name] = (count, float(np.median(took)))
        say(f"{name}: {count:,} in {found[name][1]:,.1f} ms of the processor")
    return found

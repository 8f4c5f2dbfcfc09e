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

from benchmarks.lib.asking import bitmap_queries, queries
from benchmarks.lib.machine import say
from benchmarks.lib.tagged import Town

_MEMORY = "6GB"


def _pairs(town: Town) -> Iterator[pa.RecordBatch]:
    schema = pa.schema([("node", pa.uint16()), ("person", pa.uint32())])
    for rank in range(1, town.nodes + 1):
        who = town.members(rank)
        yield pa.RecordBatch.from_arrays([np.full(len(who), rank, np.uint16), pa.array(who)], schema=schema)


def _numbers(town: Town) -> pa.Table:
    who, numbers = town.numbers()
    return pa.table({"person": pa.array(who), "value": pa.array(numbers.astype(np.int32))})


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
        connection.execute("checkpoint")
        loaded = time.perf_counter() - began
        say(f"DuckDB holds the pairs after {loaded:.0f} s")

        def ask(sql: str) -> int:
            return int(connection.execute(sql).fetchall()[0][0])

        asked = _asked(town, queries(town), ask)
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
    path.unlink()

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

    return {"load_s": loaded, "asked": _asked(town, bitmap_queries(town), ask)}


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

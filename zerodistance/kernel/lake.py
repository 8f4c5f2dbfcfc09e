"""The lake: Delta tables on local disk, appended with an application transaction so that a replay adds nothing."""

from __future__ import annotations

import json
import os
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlparse

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Schema, Transaction, WriterProperties, write_deltalake
from deltalake.exceptions import DeltaError, TableNotFoundError
from deltalake.transaction import AddAction, RemoveAction
from pyarrow.dataset import dataset

from zerodistance.kernel import fault
from zerodistance.kernel.engine import Engine
from zerodistance.kernel.files import sync
from zerodistance.kernel.locks import FolderLock

_GROUP_ROWS = 131_072
_SMALL_BYTES, _MANY_FILES = 128 << 20, 8  # own values: when joining files is worth the work
_READERS = timedelta(hours=1)  # own value: no reader holds a list of files for longer
_TRIES, _PAUSE = 20, 0.02  # own values: for a log that is cut just now
LOCK = ".lock"
Answer = TypeVar("Answer")
_Newest = tuple[str, int, int, str]
_OF_LOG = re.compile(r"\d{20}\.(json|checkpoint.*\.parquet)")  # not what a killed commit left: `….json#1`
_CONFIGURATION = {
    "delta.logRetentionDuration": "interval 0 days",
    "delta.deletedFileRetentionDuration": "interval 0 days",
}
"""No history outlives a purge: what was forgotten must not be read from an older version."""
_WRITER = WriterProperties(compression="ZSTD", compression_level=1, max_row_group_size=_GROUP_ROWS)


class Lake:
    """The Delta tables below one folder. A table is opened anew after each commit, whoever made it: a held one grows slow."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._writing = FolderLock(root / LOCK)  # one commit at a time, whichever process it comes from
        self._tables: dict[
            str, FolderLock
        ] = {}  # who writes or removes files of a table takes its lock first
        self._replaced: dict[str, list[tuple[float, Path]]] = {}
        self._opening, self._opened = threading.Lock(), dict[str, tuple[_Newest, DeltaTable]]()
        self._versions = dict[
            tuple[str, str], tuple[DeltaTable, int]
        ]()  # what `held` said of the table as it was opened
        self._rewriting = (
            threading.RLock()
        )  # who replaces files takes this one first; appends go on meanwhile

    def _table(self, table: str) -> FolderLock:
        """Return the lock of those who write or remove a table's files: what is written takes long, and other tables do not wait for it."""
        return self._tables.setdefault(table, FolderLock(self.root / f"{LOCK}-{table}"))

    def still(self) -> AbstractContextManager[object]:
        """Let no table change while the block runs, whichever process writes: for a backup, and for whoever mends files."""
        return self._writing

    def rewriting(self) -> AbstractContextManager[object]:
        """Let no file be replaced by another thread while the block runs; appends go on."""
        return self._rewriting

    def tables(self) -> list[str]:
        """Return the names of the tables."""
        return sorted(path.parent.name for path in self.root.glob("*/_delta_log"))

    def everything(self, table: str) -> list[Path]:
        """Return every file that the newest version of a table needs: its data, and the log."""
        log = self.path(table) / "_delta_log"
        return [*map(Path, self.files(table)), *sorted(path for path in log.rglob("*") if path.is_file())]

    def path(self, table: str) -> Path:
        """Return the folder of a table."""
        return self.root / table

    def _open(self, table: str) -> DeltaTable | None:
        """Return the newest version of a table, to be read only; None if there is none."""
        newest = self._newest(table)
        if newest is None:
            return None
        with self._opening:
            held = self._opened.get(table)
            if held is None or held[0] != newest:  # a commit that comes while it is opened has another name
                try:
                    held = self._opened[table] = newest, DeltaTable(self.path(table))
                except TableNotFoundError:
                    return None
            return held[1]

    def _asked(self, table: str, question: Callable[[DeltaTable], Answer], otherwise: Answer) -> Answer:
        """Return what the newest version of a table says, or something else if there is no table.

        A table reads its log when it is asked: again, where another process has cut that just now.
        """
        for tries_left in range(_TRIES, -1, -1):
            try:
                found = self._open(table)
                return otherwise if found is None else question(found)
            except DeltaError:
                if not tries_left:
                    raise
                self._opened.pop(table, None)
                time.sleep(_PAUSE)
        raise AssertionError

    def _newest(self, table: str) -> _Newest | None:
        """Return name, inode and time of the last file of a table's log, to which a commit adds one with a higher number, and the name of the first."""
        log = self.path(table) / "_delta_log"
        try:
            names = [one for one in os.listdir(log) if _OF_LOG.fullmatch(one)]
            if not names:
                return None
            stat = (log / max(names)).stat()
            return max(names), stat.st_ino, stat.st_mtime_ns, min(names)
        except FileNotFoundError:  # there is no table, or the file has gone since
            return self._newest(table) if log.exists() else None

    def exists(self, table: str) -> bool:
        """Say whether the table has been written at least once."""
        return self._open(table) is not None

    def columns(self, table: str) -> tuple[str, ...]:
        """Return the names of the table's columns; empty if it does not exist."""
        return self._asked(table, lambda found: tuple(one.name for one in found.schema().fields), ())

    def held(self, table: str, app: str) -> int:
        """Return the last version that application `app` has appended to the table, 0 if none."""

        def version(found: DeltaTable) -> int:
            said = self._versions.get((table, app))
            if said is None or said[0] is not found:  # the log is read once for each version of the table
                said = self._versions[table, app] = found, found.transaction_version(app) or 0
            return said[1]

        return self._asked(table, version, 0)

    def append(
        self, table: str, rows: pa.Table, *, app: str, version: int, partition_by: str | None = None
    ) -> bool:
        """Append `rows` as version `version` of application `app`, durably; do nothing if it is already held.

        Returns
        -------
        bool
            Whether anything was written.
        """
        with self._table(table):
            return self._append(table, rows, app, version, partition_by)

    def _append(self, table: str, rows: pa.Table, app: str, version: int, partition_by: str | None) -> bool:
        there = self.exists(table)
        if there and self.held(table, app) >= version:
            return False
        if there:
            self._widen(table, rows.schema)
        if not there:
            with self._writing:
                DeltaTable.create(
                    self.path(table),
                    rows.schema,
                    mode="ignore",
                    partition_by=partition_by,
                    configuration=_CONFIGURATION,
                )
        fault.point("lake.append.before")
        keys = [partition_by] if partition_by else []
        added: list[AddAction | RemoveAction] = [
            self._write(table, part, values) for values, part in _partitions(rows, partition_by)
        ]
        sync(self.path(table))
        fault.point("lake.append.written")
        with self._writing:
            found = self._open(table)
            assert found is not None
            found.create_write_transaction(
                added,
                mode="append",
                schema=rows.schema,
                partition_by=keys,
                commit_properties=CommitProperties(app_transactions=[Transaction(app, version)]),
            )
            fault.point("lake.append.after")
            self._sync(table)
        return True

    def _widen(self, table: str, schema: pa.Schema) -> None:
        """Give the table the columns that its rows have since a later version of the program; what is there has null in them."""
        here = self.columns(table)
        more = [one for one in Schema.from_arrow(schema).fields if one.name not in here]
        if more:
            with self._writing:
                DeltaTable(self.path(table)).alter.add_columns(more)
                self._sync(table)

    def _write(self, table: str, rows: pa.Table, values: dict[str, str]) -> AddAction:
        """Write one data file durably, for a commit that follows."""
        folder = self.path(table).joinpath(*(f"{key}={value}" for key, value in values.items()))
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / _new_name()
        pq.write_table(
            rows,
            path,
            compression="zstd",
            compression_level=1,
            row_group_size=_GROUP_ROWS,
            store_schema=False,
            write_page_checksum=True,
        )
        sync(path)
        sync(folder)
        return AddAction(
            str(path.relative_to(self.path(table))),
            path.stat().st_size,
            values,
            time.time_ns() // 1_000_000,
            True,
            json.dumps({"numRecords": rows.num_rows}),
        )

    def _sync(self, table: str) -> None:
        """Force the newest commit, its data files and their folders to disk (delta-rs leaves that to the system)."""
        log = self.path(table) / "_delta_log"
        newest = max(log.glob("*.json"), default=None)
        if newest is None:  # already in a checkpoint
            return
        adds = [line for line in newest.read_text().splitlines() if line.startswith('{"add"')]
        paths = {self.path(table) / unquote(_member(line)) for line in adds}
        for path in [*paths, newest, *{p.parent for p in paths}, log]:
            sync(path)

    def files(self, table: str) -> list[str]:
        """Return the data files of the table's newest version, as paths; empty if it does not exist."""
        return self.snapshot(table, "")[0]

    def snapshot(self, table: str, app: str) -> tuple[list[str], int]:
        """Return the data files and the last version of `app`, both of one and the same table version."""

        def both(found: DeltaTable) -> tuple[list[str], int]:
            uris = found.file_uris()
            files = [unquote(urlparse(uri).path) if uri.startswith("file:") else uri for uri in uris]
            return files, (found.transaction_version(app) or 0) if app else 0

        return self._asked(table, both, (list[str](), 0))

    def count(self, table: str) -> int:
        """Return the number of rows, from the table's statistics."""
        return self._asked(table, lambda found: int(found.count()), 0)

    def delete_where(self, table: str, predicate: str) -> int:
        """Delete the rows for which the SQL `predicate` holds and rewrite history: no older file keeps them.

        Returns
        -------
        int
            How many rows were deleted.
        """
        found = self._open(table)
        if found is None:
            return 0
        with self._rewriting, self._table(table), self._writing:
            fault.point("lake.delete.before")
            done: dict[str, Any] = DeltaTable(self.path(table)).delete(predicate)
            fault.point("lake.delete.after")
            self._sync(table)
            self.purge(table)
        return int(done.get("num_deleted_rows", 0))

    def purge(self, table: str, *, after: timedelta = timedelta(0)) -> None:
        """Remove every file that was replaced longer than `after` ago, and the log before the newest version."""
        with self._rewriting, self._table(table), self._writing:
            if not self.exists(table):
                return
            found = DeltaTable(self.path(table))
            hours = int(after / timedelta(hours=1))
            found.vacuum(
                retention_hours=hours, dry_run=False, enforce_retention_duration=False, full=not hours
            )
            if not hours:
                found.create_checkpoint()
                found.cleanup_metadata()

    def let_go(self, table: str) -> None:
        """Remove the files that this process replaced an hour ago, which nobody reads any more, and the log before the newest version.

        Those that a process before it replaced go with the next `purge`.
        """
        with self._rewriting, self._table(table), self._writing:
            if not self.exists(table):
                return
            old = time.monotonic() - _READERS.total_seconds()
            replaced = self._replaced.get(table, [])
            for _, path in (one for one in replaced if one[0] <= old):
                path.unlink(missing_ok=True)
            self._replaced[table] = [one for one in replaced if one[0] > old]
            found = DeltaTable(self.path(table))
            found.create_checkpoint()
            found.cleanup_metadata()

    def settle(self, table: str, *, by: str, order: Sequence[str], engine: Engine) -> int:
        """Join the small files of each partition into one, sorted; return how many files were replaced.

        The engine sorts with its memory limit and spills; readers keep the replaced files for an hour, and appends go on.
        """
        replaced = 0
        with self._rewriting:
            for value, files in self._small(table, by).items():
                replaced += self._join(table, {by: value}, files, order, engine)
            if replaced:
                self.purge(table, after=_READERS)
        return replaced

    def _small(self, table: str, by: str) -> dict[str, list[str]]:
        found = self._open(table)
        if found is None:
            return {}
        actions = (
            pa.table(found.get_add_actions(flatten=True))
            .select(["path", "size_bytes", f"partition.{by}"])
            .to_pylist()
        )
        groups: dict[str, list[str]] = {}
        for action in actions:
            if action["size_bytes"] < _SMALL_BYTES:
                groups.setdefault(action[f"partition.{by}"], []).append(unquote(action["path"]))
        return {value: files for value, files in groups.items() if len(files) >= _MANY_FILES}

    def _join(
        self, table: str, values: dict[str, str], files: list[str], order: Sequence[str], engine: Engine
    ) -> int:
        path = (self.path(table) / files[0]).with_name(_new_name())
        sources = ", ".join(_quoted(self.path(table) / file) for file in files)
        with engine.connect() as connection:
            connection.execute(
                f"copy (select * from read_parquet([{sources}], hive_partitioning = false, union_by_name = true) order by {', '.join(order)}) "
                f"to {_quoted(path)} (format parquet, compression zstd, compression_level 3, row_group_size {_GROUP_ROWS})"
            )
        self._exchange(table, values, files, [path])
        return len(files)

    def rewrite(self, table: str, rows: pa.RecordBatchReader, files: Sequence[str]) -> None:
        """Put `rows` in the place of those data files (paths as `snapshot` gives them), in one durable commit.

        What is appended while `rows` are read stays beside them; the rows say the same as the files, in another order or sum.
        """
        with self._rewriting:
            path = self.path(table) / _new_name()
            with pq.ParquetWriter(path, rows.schema, compression="zstd", store_schema=False) as out:
                for batch in rows:
                    out.write_batch(batch, row_group_size=_GROUP_ROWS)
            self._exchange(
                table, {}, [str(Path(file).relative_to(self.path(table))) for file in files], [path]
            )

    def _exchange(
        self, table: str, values: dict[str, str], files: Sequence[str], made: Sequence[Path]
    ) -> None:
        """Commit written files in the place of others of the same partition; what they say is the same."""
        for path in made:
            sync(path)
            sync(path.parent)
        now = time.time_ns() // 1_000_000
        gone: dict[str, str | None] = {**values}
        actions: list[AddAction | RemoveAction] = [
            RemoveAction(file, False, now, partition_values=gone) for file in files
        ]
        for path in made:
            stats = json.dumps({"numRecords": pq.read_metadata(path).num_rows})
            name = str(path.relative_to(self.path(table)))
            actions.append(AddAction(name, path.stat().st_size, values, now, False, stats))
        fault.point("lake.settle.written")
        with self._writing:
            found = DeltaTable(self.path(table))
            found.create_write_transaction(
                actions, mode="append", schema=found.schema(), partition_by=list(values)
            )
            fault.point("lake.settle.after")
            self._sync(table)
        gone_at = time.monotonic()
        self._replaced.setdefault(table, []).extend((gone_at, self.path(table) / file) for file in files)

    def replace(self, table: str, rows: pa.Table | pa.RecordBatchReader, *, app: str, version: int) -> None:
        """Put `rows` in the place of everything the table holds, in one durable commit; `app` then holds `version`."""
        with self._rewriting, self._table(table), self._writing:
            fault.point("lake.replace.before")
            write_deltalake(
                self.path(table),
                rows,
                mode="overwrite",
                schema_mode="overwrite",
                writer_properties=_WRITER,
                commit_properties=CommitProperties(app_transactions=[Transaction(app, version)]),
            )
            fault.point("lake.replace.after")
            self._sync(table)

    def compact(self, table: str, target_bytes: int = _SMALL_BYTES) -> None:
        """Join the files smaller than `target_bytes` of a table without partitions into one.

        Appends go on meanwhile; whoever reads the files that were there has them until `purge`.
        """
        with self._rewriting:
            small = [file for file in self.files(table) if Path(file).stat().st_size < target_bytes]
            if len(small) > 1:
                schema = pa.unify_schemas([pq.read_schema(file) for file in small])
                rows = dataset(small, schema=schema, format="parquet").scanner(batch_size=_GROUP_ROWS)
                self.rewrite(table, rows.to_reader(), small)


def _new_name() -> str:
    return f"part-{uuid.uuid4()}.zstd.parquet"


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _partitions(rows: pa.Table, key: str | None) -> Iterator[tuple[dict[str, str], pa.Table]]:
    """Yield the rows of each partition without its key columns."""
    if key is None:
        yield {}, rows
        return
    column = rows[key]
    values = pc.unique(column).to_pylist()
    for value in values:
        part = rows if len(values) == 1 else rows.filter(pc.equal(column, value))
        yield {key: value}, part.drop_columns([key])


def _member(line: str) -> str:
    return str(json.loads(line)["add"]["path"])

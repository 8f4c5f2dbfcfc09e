"""Mapping a piece of a file to a batch of touches, column by column; only rows that fail are looked at one by one."""

from __future__ import annotations

import base64
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import duckdb
import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from zerodistance.core.touchpoints import salvage, scrub
from zerodistance.core.touchpoints.contracts import BUILT, UTC_US, Batch, Facts, Refuse, Refused
from zerodistance.core.touchpoints.mapping import NUMBERS, WORDS, Mapping
from zerodistance.core.touchpoints.mapping_sql import PIECE, ROW, Plan, plan
from zerodistance.core.touchpoints.pieces import BadRow, Piece
from zerodistance.core.touchpoints.rules import NOBODY
from zerodistance.core.touchpoints.signs import Signs
from zerodistance.kernel import clock
from zerodistance.kernel.errors import told
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log

_RULE = "row"


@dataclass(frozen=True)
class Origin:
    """Whose rows are mapped.

    Attributes
    ----------
    source
        Number of the source.
    event_bytes
        Largest body of a row, bytes.
    file_hash
        SHA-256 of the file, hex.
    received_at
        Microseconds UTC.
    number
        Of the import; 0: a dry run.
    """

    source: int
    event_bytes: int
    file_hash: str
    received_at: int
    number: int = 0


class Mapper:
    """A mapping bound to a file's columns; close it after use.

    Parameters
    ----------
    targets
        See `mapping_sql.plan`.

    Raises
    ------
    MappingWrong
        The mapping does not fit the file.
    """

    def __init__(
        self,
        home: Home,
        mapping: Mapping,
        schema: pa.Schema,
        origin: Origin,
        targets: dict[str, str] | None = None,
    ) -> None:
        self._home, self._mapping, self._origin = home, mapping, origin
        self._stack = ExitStack()
        try:
            self._connection = self._stack.enter_context(home.engine.connect(raw=True))
            for setting in ("enable_external_access = false", "threads = 1", "lock_configuration = true"):
                self._connection.execute(f"set {setting}")
            self._plan: Plan = plan(
                self._connection, mapping, schema, event_bytes=origin.event_bytes, targets=targets
            )
        except BaseException:
            self._stack.close()
            raise

    def close(self) -> None:
        """Give the connection back."""
        self._stack.close()

    def types(self) -> list[tuple[str, str]]:
        """Return the file's columns with the types the engine sees."""
        rows = self._connection.execute(f"describe select * exclude ({ROW}) from {PIECE}").fetchall()
        return [(str(row[0]), str(row[1])) for row in rows]

    def map(self, piece: Piece, feed: str) -> Batch:
        """Return the batch of a piece: its good rows as touches, the others refused with their reasons.

        Rows on which the program itself fails are found and refused like the others.
        """
        try:
            return self._map(piece, feed, {})
        except Exception as error:
            if salvage.no_row_is_to_blame(error):
                raise
            bad = salvage.culprits(piece.table.num_rows, lambda chosen: self._works(piece.only(chosen), feed))
            if not bad:
                raise
            problem = f"{salvage.UNREADABLE}|{salvage.said(error)}"
            log("digest").error(
                "unreadable", feed=feed, rows=piece.rows[bad].tolist()[:100], error=told(error)
            )
            return self._map(piece, feed, dict.fromkeys(piece.rows[bad].tolist(), problem))

    def _works(self, piece: Piece, feed: str) -> bool:
        try:
            self._map(piece, feed, {})
        except Exception as problem:
            if salvage.no_row_is_to_blame(problem):
                raise
            return False
        return True

    def _map(self, piece: Piece, feed: str, aside: dict[int, str]) -> Batch:
        table = piece.table.append_column(ROW, pa.array(piece.rows))
        if aside:
            table = table.filter(pa.array(~np.isin(piece.rows, list(aside))))
        mapped, failed = self._run(table)
        failed |= aside
        problems = mapped["problem"]
        if problems.null_count < len(problems):
            odd = pc.is_valid(problems)
            bad = mapped.filter(odd)
            failed |= dict(zip(bad[ROW].to_pylist(), bad["problem"].to_pylist(), strict=True))
            mapped = mapped.filter(pc.invert(odd))
        refused = self._refused(piece, failed)
        touches, texts = self._touches(mapped)
        signs, facts = self._signs(mapped), self._facts(mapped)
        batch = Batch(
            feed,
            piece.upto,
            touches,
            self._prints(touches),
            signs,
            facts,
            texts,
            refused,
            Counter(),
            forever=True,
            refuse=self._refuse(piece, mapped[ROW].to_numpy()),
            origin=self._origin.number,
            nobody=self._detail(NOBODY, "identifiers") if self._mapping.of_somebody else "",
        )
        batch.counts[self._origin.source, "received"] += piece.table.num_rows + len(piece.bad)
        if piece.uncached:
            batch.counts[self._origin.source, "uncached_formulas"] += sum(piece.uncached.values())
        ahead = int(pc.sum(mapped["ahead"]).as_py() or 0)
        if ahead:
            batch.counts[self._origin.source, "clock_ahead"] += ahead
        return batch

    def _run(self, table: pa.Table) -> tuple[pa.Table, dict[int, str]]:
        """Run the query; rows on which an expression breaks are found, left out and returned with their problem."""
        failed: dict[int, str] = {}
        self._connection.register(PIECE, table)
        try:
            return self._query(self._plan.query), failed
        except duckdb.Error:
            found = self._connection.sql(self._plan.failing).to_arrow_table()
            if not found.num_rows:
                raise
        failed = dict(zip(found[ROW].to_pylist(), found["problem"].to_pylist(), strict=True))
        whole = table.filter(pc.invert(pc.is_in(table[ROW], value_set=found[ROW].combine_chunks())))
        self._connection.register(PIECE, whole)
        return self._query(self._plan.query), failed

    def _query(self, query: str) -> pa.Table:
        return self._connection.sql(query, params={"received": self._origin.received_at}).to_arrow_table()

    def _touches(self, mapped: pa.Table) -> tuple[pa.Table, list[tuple[int, bytes]]]:
        n, origin = mapped.num_rows, self._origin
        received = pa.scalar(origin.received_at, pa.int64()).cast(UTC_US)
        month = np.datetime64(origin.received_at, "us").astype("datetime64[M]").astype(str)
        bodies: Any = pa.nulls(n, pa.string())
        texts: list[tuple[int, bytes]] = []
        if self._mapping.body and n:
            bodies, texts = scrub.bodies(mapped["body"].cast(pa.string()).combine_chunks())
        given = {name: mapped[name] for name in (*WORDS, *NUMBERS)}
        # A product, category or fault is what the mapping says it is; the others may hold whatever people typed.
        for name in ("name", "page", "referrer", "campaign", "place", "channel", "order_id"):
            if name in self._mapping.columns:
                stand_in = self._home.seal.pseudonym if name == "order_id" else None
                given[name] = scrub.words(mapped[name].cast(pa.string()).combine_chunks(), stand_in)
        default = pc.if_else(pc.is_valid(mapped["amount"]), self._home.settings.currency, None)
        columns = {
            **given,
            "currency": pc.coalesce(mapped["currency"], default) if n else mapped["currency"],
            "source": pa.array(np.full(n, origin.source, np.int32)),
            "source_id": mapped["source_id"] if self._mapping.source_id else self._row_ids(mapped),
            "kind": mapped["kind"],
            "happened_at": mapped["happened"],
            "original_at": mapped["original"],
            "sent_at": pa.nulls(n, UTC_US),
            "received_at": pa.repeat(received, n),
            "known_at": mapped["known"],
            "month": pa.repeat(pa.scalar(str(month)), n),
            "body": bodies,
        }
        return pa.table([columns[name] for name in BUILT.names], names=BUILT.names).cast(BUILT), texts

    def _row_ids(self, mapped: pa.Table) -> pa.Array:
        return pc.binary_join_element_wise(self._origin.file_hash[:16], mapped[ROW].cast(pa.string()), ":")

    def _prints(self, touches: pa.Table) -> npt.NDArray[np.uint64]:
        """Return `Seal.fingerprint` of each row, a column at a time."""
        source, seed = str(self._origin.source).encode(), self._home.seal.fingerprint_seed
        ids = touches["source_id"].cast(pa.large_binary())
        named = pc.binary_join_element_wise(
            pa.scalar(source, pa.large_binary()), ids, pa.scalar(b"\0", pa.large_binary())
        )
        found = map(xxhash.xxh3_64_intdigest, named.to_pylist(), repeat(seed))
        prints = np.fromiter(found, np.uint64, touches.num_rows)
        prints[prints == 0] = 1
        return prints

    def _signs(self, mapped: pa.Table) -> Signs:
        signs = Signs()
        for i, name in enumerate(self._plan.namespaces):
            signs.extend(name, mapped[f"id_{i}"], _RULE)
        signs.by_row()
        return signs

    def _facts(self, mapped: pa.Table) -> Facts:
        rows, values, names = _long(mapped, self._plan.facts)
        return Facts(rows, names, values)

    def _refused(self, piece: Piece, failed: dict[int, str]) -> list[Refused]:
        now = clock.micros()
        refused = [self._bad_line(bad, now) for bad in piece.bad]
        if not failed:
            return refused
        odd = np.isin(piece.rows, list(failed))
        self._connection.register(PIECE, piece.table.filter(pa.array(odd)))
        found = (
            self._connection.sql(f"select cast(columns(*) as varchar) from {PIECE}")
            .to_arrow_table()
            .to_pylist()
        )
        for row, values in zip(piece.rows[odd].tolist(), found, strict=True):
            reason, _, key = failed[row].partition("|")
            kept = {"values": values} if piece.lines is None else {"line": piece.lines[row]}
            raw, place = msgspec.json.encode(kept), place_of(row, piece.where(row) if piece.where else "")
            refused.append(Refused(self._origin.source, reason, self._detail(reason, key), raw, place, now))
        return sorted(refused, key=lambda r: row_of(r.place))

    def _refuse(self, piece: Piece, numbers: npt.NDArray[np.int64]) -> Refuse:
        """Return how a touch of this piece is refused afterwards; it may be asked when the connection is given back."""
        source = self._origin.source

        def refuse(i: int, reason: str, detail: str) -> Refused:
            row = int(numbers[i])
            if piece.lines is None:
                (cells,) = piece.table.slice(int(np.searchsorted(piece.rows, row)), 1).to_pylist()
                kept: Any = {"values": {k: None if v is None else str(v) for k, v in cells.items()}}
            else:
                kept = {"line": piece.lines[row]}
            place = place_of(row, piece.where(row) if piece.where else "")
            return Refused(source, reason, detail, msgspec.json.encode(kept), place, clock.micros())

        return refuse

    def _bad_line(self, bad: BadRow, now: int) -> Refused:
        try:
            raw = msgspec.json.encode({"line": bad.line.decode()})
        except UnicodeDecodeError:
            raw = msgspec.json.encode({"line_base64": base64.b64encode(bad.line).decode()})
        return Refused(self._origin.source, "bad_row", bad.detail, raw, place_of(bad.row, bad.where), now)

    def _detail(self, reason: str, key: str) -> str:
        if reason == "bad_timestamp":
            allowed = " or ".join(self._mapping.times.formats) or "ISO 8601"
            return f"{key}: not a time from 1970 on; allowed is {allowed}"
        if reason == "bad_value" and key.startswith("types."):
            return f"column {key[6:]}: not of the type {self._mapping.types.get(key[6:], 'of the file')}"
        if reason == "bad_value" and key.startswith("checks."):
            return f"{key}: the row is not as the mapping asks: {self._mapping.checks[key[7:]]}"
        if reason == NOBODY:
            allowed = ", ".join(self._mapping.identifiers)
            return f"{key}: the row has none that can be used; one of these is needed: {allowed}"
        if reason == "bad_value" and key == "columns.currency":
            return "columns.currency: not an ISO 4217 code of three capital letters"
        if reason == "bad_value":
            return f"{key}: the value is not a finite number, or the expression fails on it"
        if reason == "missing_value":
            return f"{key}: the value is missing, and it is required"
        if reason == salvage.UNREADABLE:
            return key
        if reason == "no_kind":
            return "kind: no rule of the mapping holds for the row"
        return f"{key}: larger than the {self._origin.event_bytes} bytes that the source allows"


def place_of(row: int, where: str) -> str:
    """Return how the quarantine names the place of a row.

    Examples
    --------
    >>> place_of(17, ""), place_of(17, "b.csv 5")
    ('row 17', 'row 17 (b.csv 5)')
    """
    return f"row {row} ({where})" if where else f"row {row}"


def row_of(place: str) -> int:
    """Return the row number of a place that `place_of` named."""
    return int(place.split(" ", 2)[1])


def _long(mapped: pa.Table, names: tuple[str, ...]) -> tuple[list[int], list[str], list[str]]:
    """Return the columns `fact_N` as one list of (row, value, name), by row; nulls left out."""
    rows: list[npt.NDArray[np.int64]] = []
    values: list[str] = []
    kinds: list[str] = []
    for i, name in enumerate(names):
        column = mapped[f"fact_{i}"].combine_chunks()
        there = np.flatnonzero(column.is_valid().to_numpy(zero_copy_only=False))
        rows.append(there)
        coded = (
            column.drop_null().dictionary_encode()
        )  # a person stands in many rows; one text keeps its hash
        distinct: list[str] = coded.dictionary.to_pylist()
        values += map(distinct.__getitem__, coded.indices.to_numpy().tolist())
        kinds += [name] * len(there)
    if not rows:
        return [], [], []
    joined = np.concatenate(rows)
    if len(rows) == 1:
        return joined.tolist(), values, kinds
    order = np.argsort(joined, kind="stable")
    at = order.tolist()
    return joined[order].tolist(), list(map(values.__getitem__, at)), list(map(kinds.__getitem__, at))

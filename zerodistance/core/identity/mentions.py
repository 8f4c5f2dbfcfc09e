"""What touches said of people in words, kept for the matcher: one sealed Arrow table a batch, a row for every touch that says more than identifiers.

The vault keeps the latest value of each field and subject; here every way in which somebody was ever written stays, and can be read in one go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection

from zerodistance.core.touchpoints.contracts import Batch
from zerodistance.kernel import bulk
from zerodistance.kernel.bulk import Bulk
from zerodistance.kernel.home import Home
from zerodistance.kernel.seal import Seal

Ints = npt.NDArray[np.int64]
FIELDS = (
    "name", "first_name", "last_name", "gender", "birthday", "id_number", "address", "street", "house_number", "unit", "district", "city", "province",
    "postal_code", "country", "phone", "email",
)  # fmt: skip
"""Columns of a mention as they were said, null where nothing was; `phone` and `email` are the identifiers on the same touch."""
ALIAS = {
    "first_name": "given_name", "last_name": "surname", "province": "state", "postal_code": "postcode", "district": "suburb",
}  # fmt: skip
"""Fields of a mention -> what the matcher calls them, where that differs."""
SERIAL = "serial"
"""The serial number of an appliance: says nothing of who somebody is, since a household has it in common."""
MENTION = pa.schema(
    [("subject", pa.int64()), ("at", pa.int64()), *((name, pa.string()) for name in (*FIELDS, SERIAL))]
)
"""`at`: happened_at, microseconds UTC. A subject has as many rows as touches said something different of it in a batch; the same words once in
`MONTH`, at the earliest: whatever the batches are, it can be told in which months somebody was written so."""
MONTH = 30 * 86_400_000_000
_PERSONAL = frozenset(FIELDS[:-2])
_CONTACT = FIELDS[-2:]
INSERT = Bulk(
    "insert into identity_mention (batch, origin, mentions, lowest, highest, sealed) {rows}",
    batch="bigint", origin="bigint", mentions="bigint", lowest="bigint", highest="bigint", sealed="bytea",
)  # fmt: skip
_SOME = "select batch, sealed from identity_mention where batch > ? order by batch"


def mentioned(batch: Batch, subjects: Ints) -> pa.Table | None:
    """Return the mentions of a batch, None if there are none.

    Parameters
    ----------
    subjects
        Per touch, 0 where nothing points at anybody.
    """
    said: dict[str, tuple[list[int], list[str]]] = {}
    for row, name, value in zip(batch.facts.row, batch.facts.field, batch.facts.value, strict=True):
        if name in _PERSONAL or name == SERIAL:
            rows, values = said.setdefault(name, ([], []))
            rows.append(row)
            values.append(value)
    if not said:
        return None
    there = np.zeros(len(subjects), dtype=bool)
    for rows, _ in said.values():
        there[rows] = True
    there &= subjects > 0
    kept = np.flatnonzero(there)
    if not len(kept):
        return None
    columns: dict[str, Any] = {
        "subject": subjects[kept],
        "at": batch.touches["happened_at"].cast("int64").to_numpy()[kept],
    }
    for name, (rows, values) in said.items():
        columns[name] = _spread(len(subjects), np.array(rows, np.int64), values)[kept]
    columns |= _contact(batch, there, kept)
    arrays = [
        pa.array(columns[f.name], f.type) if f.name in columns else pa.nulls(len(kept), f.type)
        for f in MENTION
    ]
    table = pa.Table.from_arrays(arrays, schema=MENTION)
    table = table.append_column("month", pa.array(columns["at"] // MONTH))
    return (
        table.group_by([name for name in table.column_names if name != "at"], use_threads=False)
        .aggregate([("at", "min")])
        .rename_columns({"at_min": "at"})
        .select(MENTION.names)
    )


def _spread(count: int, rows: Ints, values: Sequence[str]) -> npt.NDArray[np.object_]:
    column = np.full(count, None, dtype=object)
    column[rows] = values
    return column


def _contact(batch: Batch, there: npt.NDArray[np.bool_], kept: Ints) -> dict[str, npt.NDArray[np.object_]]:
    """Return phone and e-mail address as they stand on the touches that say something; the first of several."""
    signs = batch.signs
    of = np.array([_CONTACT.index(name) if name in _CONTACT else -1 for name, _ in signs.keys], np.int64)
    kind = of[signs.key] if len(of) else of
    out = {}
    for n, name in enumerate(_CONTACT):
        mine = np.flatnonzero((kind == n) & there[signs.rows])[::-1] if len(kind) else np.empty(0, np.int64)
        out[name] = _spread(
            len(there), signs.rows[mine], [signs.keys[i][1] for i in signs.key[mine].tolist()]
        )[kept]
    return out


def write(tx: Connection, seal: Seal, batch: int, origin: int, table: pa.Table) -> None:
    """Keep the mentions of a batch, in the transaction of its commit."""
    span = pc.min_max(table["subject"]).as_py()
    sealed = seal.seal(_packed(table), _where(batch))
    INSERT.run(tx, [(batch, origin, table.num_rows, span["min"], span["max"], sealed)])


def says_more(fields: Mapping[str, str]) -> bool:
    """Say whether what is known of somebody is more than identifiers."""
    return not _PERSONAL.isdisjoint(fields)


def read(tx: Connection, seal: Seal, after: int = -(1 << 62)) -> Iterator[tuple[int, pa.Table]]:
    """Yield (batch, mentions) of the batches after `after`, in order; those of a home of before have numbers below 0."""
    for rows in bulk.stream(tx, _SOME, (after,), 16):
        for batch, sealed in rows:
            yield batch, _opened(seal.open(sealed, _where(batch)))


def in_words(table: pa.Table) -> pa.Table:
    """Return those that say in words who somebody is, without serial numbers."""
    table = table.drop_columns(SERIAL)
    said = np.zeros(table.num_rows, dtype=bool)
    for name in FIELDS[:-2]:
        if table[name].null_count < table.num_rows:
            said |= table[name].is_valid().to_numpy()
    return table if said.all() else table.filter(pa.array(said))


def of_batch(tx: Connection, seal: Seal, batch: int) -> pa.Table:
    """Return the mentions of one batch."""
    sealed = bulk.value(tx, "select sealed from identity_mention where batch = ?", (batch,))
    return _opened(seal.open(sealed, _where(batch)))


def any_waits(home: Home) -> bool:
    """Say whether anything was said since the last mention that was placed."""
    with home.state.read() as tx:
        placed = bulk.value(tx, "select value from identity_number where key = 'placed'")
        last = bulk.value(tx, "select max(batch) from identity_mention")
    return last is not None and (placed is None or last > placed)


def forget(tx: Connection, seal: Seal, subjects: Sequence[int]) -> int:
    """Take subjects out of the mentions of all batches; return how many rows went."""
    gone, wanted = 0, pa.array(sorted(subjects), pa.int64())
    if not len(wanted):
        return 0
    span = (wanted[-1].as_py(), wanted[0].as_py())
    numbers = bulk.rows(
        tx, "select batch from identity_mention where lowest <= ? and highest >= ? order by batch", span
    )
    for (batch,) in numbers:
        table = of_batch(tx, seal, batch)
        rest = table.filter(pc.invert(pc.is_in(table["subject"], wanted)))
        if rest.num_rows == table.num_rows:
            continue
        gone += table.num_rows - rest.num_rows
        if rest.num_rows:
            again = seal.seal(_packed(rest), _where(batch))
            sql = "update identity_mention set sealed = ?, mentions = ? where batch = ?"
            bulk.run(tx, sql, (again, rest.num_rows, batch))
        else:
            bulk.run(tx, "delete from identity_mention where batch = ?", (batch,))
    return gone


def _where(batch: int) -> bytes:
    return f"mention/{batch}".encode()


def _packed(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _opened(packed: bytes) -> pa.Table:
    table = pa.ipc.open_stream(packed).read_all()
    if SERIAL not in table.column_names:  # an earlier version of the program wrote it
        table = table.append_column(MENTION.field(SERIAL), pa.nulls(table.num_rows, pa.string()))
    return table

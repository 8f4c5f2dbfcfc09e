"""Touches of our own: what an app says happened to a subject, kept by the app's own transaction until the worker digests it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from sqlalchemy import Connection, delete, insert, select, update

from zerodistance.core.touchpoints import ledger, sources, store
from zerodistance.core.touchpoints.contracts import BUILT, SAID, UTC_US, Batch
from zerodistance.core.touchpoints.kinds import KINDS
from zerodistance.kernel import clock
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

FEED = "own"
_NEEDED = ("subject", "kind", "happened_at", "message_id")
_PIECE = 20_000  # own value: touches in a row of the table, so that a batch of digestion takes whole rows
_LISTED = 5_000  # own value: rows of the table looked at for one batch


def say(tx: Connection, rows: pa.Table) -> None:
    """Say what happened, in the caller's transaction: it becomes touches if, and only if, that transaction commits.

    Parameters
    ----------
    rows
        A row a touch; columns of `contracts.SAID`, those that may be null may be missing. `subject` must be one that identity has
        numbered, `kind` one of `kinds.KINDS`, `happened_at` microseconds UTC. A `message_id` that was said before counts as a
        repetition for as long as ids are remembered (`dedup_days`).

    Raises
    ------
    Invalid
        A value is missing that is needed, or a kind is not known.
    """
    if not rows.num_rows:
        return
    said, now = _whole(rows), clock.micros()
    pieces = [said.slice(start, _PIECE) for start in range(0, said.num_rows, _PIECE)]
    tx.execute(
        insert(store.own_touch),
        [{"said_at": now, "touches": some.num_rows, "rows": _packed(some)} for some in pieces],
    )


def _whole(rows: pa.Table) -> pa.Table:
    """Return the rows in the columns of `SAID`; raises where one can't become a touch."""
    given = set(rows.column_names)
    absent = [name for name in _NEEDED if name not in given or rows[name].null_count]
    if absent:
        raise Invalid(
            field=Text("交互", "a touch"),
            given=absent[0],
            why=Text("缺少这一列的值", "a value of it is missing"),
        )
    columns = [
        rows[one.name].cast(one.type) if one.name in given else pa.nulls(rows.num_rows, one.type)
        for one in SAID
    ]
    unknown = sorted(set(rows["kind"].unique().to_pylist()) - KINDS.keys())
    if unknown:
        raise Invalid(
            field=Text("类型", "the kind"), given=unknown[0], why=Text("没有这个类型", "there is none")
        )
    return pa.table(columns, schema=SAID)


def _packed(rows: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, SAID, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(rows)
    return bytes(sink.getvalue())


def _unpacked(raw: bytes) -> pa.Table:
    return pa.ipc.open_stream(raw).read_all()


def waiting(tx: Connection) -> int:
    """Return how many touches are said and not yet digested."""
    return sum(tx.execute(select(store.own_touch.c.touches)).scalars())


def fitting(listed: Sequence[tuple[int, int]], most: int) -> list[int]:
    """Return the first numbers whose touches make a batch of `most` at most, one at least.

    Examples
    --------
    >>> fitting([(3, 10), (4, 5), (6, 20)], 20), fitting([(6, 20)], 5)
    ([3, 4], [6])
    """
    upto = accumulate(touches for _, touches in listed)
    return [
        number
        for i, ((number, _), sum_) in enumerate(zip(listed, upto, strict=True))
        if not i or sum_ <= most
    ]


class OwnFeed:
    """What was said, oldest first; a row of the table goes in the commit that digests it.

    Rows are taken as they are there, not by their number: of two transactions the later number may commit first.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._source = 0

    def next(self, most: int) -> Batch | None:
        """Return whole rows of the table with about `most` touches; None if nothing waits."""
        t = store.own_touch
        with self._home.state.read() as tx:
            listed = tx.execute(select(t.c.number, t.c.touches).order_by(t.c.number).limit(_LISTED)).all()
            numbers = fitting([(row.number, row.touches) for row in listed], most)
            if not numbers:
                return None
            found = tx.execute(
                select(t.c.said_at, t.c.rows).where(t.c.number.in_(numbers)).order_by(t.c.number)
            ).all()
            position = ledger.position(tx, FEED)
        parts = [(at, _unpacked(raw)) for at, raw in found]
        rows = pa.concat_tables([part for _, part in parts])
        received = np.repeat([at for at, _ in parts], [part.num_rows for _, part in parts])
        return self._batch(rows, received, position + rows.num_rows, numbers)

    def _batch(
        self, rows: pa.Table, received: npt.NDArray[np.int64], position: int, numbers: list[int]
    ) -> Batch:
        source = self._number()
        batch = Batch(FEED, position, _built(rows, received, source), self._prints(rows, source))
        batch.subjects = rows["subject"].to_numpy().astype(np.int64)
        batch.said = numbers
        batch.counts[source, "received"] += rows.num_rows
        return batch

    def _prints(self, rows: pa.Table, source: int) -> npt.NDArray[np.uint64]:
        seed, digest = self._home.seal.fingerprint_seed, xxhash.xxh3_64_intdigest
        ids = rows["message_id"].to_pylist()
        found = (digest(f"{source}\0{name}".encode(), seed) or 1 for name in ids)
        return np.fromiter(found, np.uint64, rows.num_rows)

    def _number(self) -> int:
        """Return the number of the source that stands for us."""
        if not self._source:
            self._source = sources.ours(self._home).number
        return self._source


def _built(rows: pa.Table, received: npt.NDArray[np.int64], source: int) -> pa.Table:
    """Return the rows in the columns of `BUILT`: known when they happened, received when they were said."""
    n = rows.num_rows
    happened, at = rows["happened_at"].cast(UTC_US), pa.array(received, pa.int64()).cast(UTC_US)
    filled = {
        "source": pa.array(np.full(n, source, np.int32)),
        "source_id": rows["message_id"],
        "happened_at": happened,
        "original_at": happened,
        "received_at": at,
        "known_at": happened,
        "month": pc.strftime(at, "%Y-%m"),
        "body": pa.array(["{}"] * n),
    }
    columns = []
    for one in BUILT:
        column = filled.get(one.name)
        if column is None:
            column = rows[one.name] if one.name in SAID.names else pa.nulls(n, one.type)
        columns.append(column.cast(one.type))
    return pa.table(columns, schema=BUILT)


def forget(home: Home, subjects: Sequence[int]) -> int:
    """Take subjects out of what waits; return how many touches that were."""
    t, gone, last = store.own_touch, 0, 0
    who = pa.array(list(subjects), pa.int64())
    while True:
        with home.state.write() as tx:
            row = tx.execute(
                select(t.c.number, t.c.touches, t.c.rows)
                .where(t.c.number > last)
                .order_by(t.c.number)
                .limit(1)
            ).first()
            if row is None:
                return gone
            last = row.number
            rows = _unpacked(row.rows)
            stays = rows.filter(pc.invert(pc.is_in(rows["subject"], who)))
            if stays.num_rows == row.touches:
                continue
            gone += row.touches - stays.num_rows
            if stays.num_rows:
                kept = {"touches": stays.num_rows, "rows": _packed(stays)}
                tx.execute(update(t).where(t.c.number == last).values(kept))
            else:
                tx.execute(delete(t).where(t.c.number == last))

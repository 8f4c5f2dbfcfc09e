"""Rows that repeat a row of an import: set aside, sealed, for a time, because they come back when that import is undone.

Without it, a touch that was acknowledged and dropped as a repeat would be lost together with the import that had brought it first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt
import xxhash
from sqlalchemy import Connection, delete, insert, select, update

from zerodistance.core.touchpoints import batches, store, tail
from zerodistance.core.touchpoints.contracts import Batch, Refuse, Refused
from zerodistance.kernel import clock
from zerodistance.kernel.home import Home
from zerodistance.kernel.seal import Seal

FEED = "repeats"
PLACE = b"repeats"
_ROWS = 1_000_000
Prints = npt.NDArray[np.uint64]


def write(tx: Connection, seal: Seal, number: int, batch: Batch) -> None:
    """Keep what a batch sets aside, and let go what it takes up again, in its commit."""
    t, aside = store.set_aside, batch.aside
    if batch.returned:
        tx.execute(delete(t).where(t.c.batch.in_(batch.returned)))
    if aside is None:
        return
    row = {"batch": number, "origin": aside.origin, "at": clock.micros(), "touches": aside.touches.num_rows}
    kept = {"fingerprints": _bytes(aside.fingerprints), "raw": seal.seal(batches.pack(aside), PLACE)}
    tx.execute(insert(t).values(**row, **kept))


def _bytes(prints: Prints) -> bytes:
    return prints.astype("<u8").tobytes()


def _prints(raw: bytes) -> Prints:
    return np.frombuffer(raw, "<u8").astype(np.uint64)


class RepeatFeed:
    """What was set aside for the sake of an import that is undone by now, oldest first."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def next(self, most: int) -> Batch | None:
        """Return what one batch has set aside; None if nothing waits."""
        t, u = store.set_aside, store.undo_request
        due = select(t).join(u, u.c.id == t.c.due).where(u.c.done_at.is_not(None))
        with self._home.state.read() as tx:
            row = tx.execute(due.order_by(t.c.batch).limit(1)).mappings().first()
        if row is None:
            return None
        raw, prints = self._home.seal.open(row["raw"], PLACE), _prints(row["fingerprints"])
        number: int = row["batch"]
        batch = batches.unpack(raw, prints, feed=FEED, position=number, origin=row["origin"])
        batch.returned = [number]
        batch.refuse = self._refuse(batch)
        return batch

    @staticmethod
    def _refuse(batch: Batch) -> Refuse:
        said, source = _said(batch), batch.touches["source"].to_pylist()
        place = f"set aside by b{batch.position}, row"

        def refuse(i: int, reason: str, detail: str) -> Refused:
            return Refused(source[i], reason, detail, said[i], f"{place} {i + 1}", clock.micros())

        return refuse


def mark(home: Home, undo: int, origin: int, numbers: Sequence[int]) -> int:
    """Mark what comes back when an import is undone; return how many rows. Called before any touch of it is removed.

    Parameters
    ----------
    undo
        The id of the wish to undo it.
    numbers
        The batches of the import, ascending.
    """
    t = store.set_aside
    if not numbers:
        return 0
    with home.state.read() as tx:
        wanted = (t.c.batch > numbers[0], t.c.origin != origin)
        found = tx.execute(select(t.c.batch, t.c.fingerprints).where(*wanted)).all()
    if not found:
        return 0
    mine = _prints_of(home, numbers)
    hits = {row.batch: int(np.isin(_prints(row.fingerprints), mine).sum()) for row in found}
    due = [number for number, n in hits.items() if n]
    with home.state.write() as tx:
        for start in range(0, len(due), 500):
            tx.execute(update(t).where(t.c.batch.in_(due[start : start + 500])).values(due=undo))
    return sum(hits.values())


def _prints_of(home: Home, numbers: Sequence[int]) -> Prints:
    """Return the fingerprints of the touches of batches, from the log: it reaches further back than the window."""
    seed, digest = home.seal.fingerprint_seed, xxhash.xxh3_64_intdigest
    parts = []
    with home.engine.connect() as connection:
        tail.touches_view(connection, home)
        sql = "select source, source_id from touches where batch in (select unnest($numbers))"
        for some in connection.sql(sql, params={"numbers": list(numbers)}).to_arrow_reader(_ROWS):
            pairs = zip(some["source"].to_pylist(), some["source_id"].to_pylist(), strict=True)
            found = (digest(f"{source}\0{name}".encode(), seed) or 1 for source, name in pairs)
            parts.append(np.fromiter(found, np.uint64, some.num_rows))
    return np.concatenate(parts) if parts else np.empty(0, np.uint64)


def forget(home: Home, matches: Callable[[bytes], bool]) -> int:
    """Remove the rows that hold an identifier of somebody who is forgotten; return how many."""
    t, gone, last = store.set_aside, 0, 0
    while True:
        with home.state.read() as tx:
            row = (
                tx.execute(select(t).where(t.c.batch > last).order_by(t.c.batch).limit(1)).mappings().first()
            )
        if row is None:
            return gone
        last = row["batch"]
        prints = _prints(row["fingerprints"])
        raw = home.seal.open(row["raw"], PLACE)
        batch = batches.unpack(raw, prints, feed=FEED, position=last, origin=row["origin"])
        stays = np.array([not matches(said) for said in _said(batch)], np.bool_)
        if stays.all():
            continue
        gone += int((~stays).sum())
        batches.take(batch, stays)
        with home.state.write() as tx:
            if not stays.any():
                tx.execute(delete(t).where(t.c.batch == last))
                continue
            kept = {"fingerprints": _bytes(batch.fingerprints), "touches": int(stays.sum())}
            kept["raw"] = home.seal.seal(batches.pack(batch), PLACE)
            tx.execute(update(t).where(t.c.batch == last).values(**kept))


def _said(batch: Batch) -> list[bytes]:
    """Return all that stands on each touch, as text."""
    words: list[list[str]] = [[str(body)] for body in batch.touches["body"].to_pylist()]
    rows, _, values, _ = batch.signs.lists()
    for row, value in zip(rows, values, strict=True):
        words[row].append(value)
    for row, value in zip(batch.facts.row, batch.facts.value, strict=True):
        words[row].append(value)
    for row, text in batch.texts:
        words[row].append(text.decode("utf-8", "replace"))
    return [msgspec.json.encode(some) for some in words]


def expire(tx: Connection, before: int) -> None:
    """Remove what was set aside before that time, microseconds, unless it is on its way back."""
    t = store.set_aside
    tx.execute(delete(t).where(t.c.at < before, t.c.due.is_(None)))

"""Undoing an import: what only it said goes, what others said too stays as they said it, and persons are computed anew.

An import is an *origin*: evidence, personal fields and sightings are kept once per origin, so that taking one away leaves what
the others say. Every step may be run again from its beginning.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from zerodistance.core.identity import archive, store
from zerodistance.core.identity.households import rebuild as households
from zerodistance.core.identity.placing import index
from zerodistance.core.identity.rebuild import rebuild
from zerodistance.core.identity.saying import name_anew
from zerodistance.core.identity.turns import store as turns
from zerodistance.kernel import bulk, fault
from zerodistance.kernel.bulk import Bulk
from zerodistance.kernel.home import Home
from zerodistance.kernel.seal import Seal

_STEP = 10_000  # own value: subjects looked at in one transaction

_ONLY = (
    "select count(*) from identity_sighting i join subject s on s.number = i.subject where i.origin = ? and s.live_at is null "
    "and not exists (select 1 from identity_sighting o where o.subject = i.subject and o.origin <> i.origin)"
)
_CARRY_OVER = Bulk(
    "update evidence set revoked_at = {at}, revoked_why = {why} {from} where b = {b} and a = {a} and revoked_at is null",
    at="bigint", why="text", b="bigint", a="bigint",
)  # fmt: skip
_FIRST = Bulk(
    "update subject set first_at = {at} {from} where number = {number}", at="bigint", number="bigint"
)
_SAID = (("evidence", "b"), ("identity_vault", "subject"), ("identity_fact", "subject"))
"""Tables with what each origin said, and the column by which a sighting leads to it."""


def brought(home: Home, origin: int) -> npt.NDArray[np.int64]:
    """Return the subjects that an import brought or saw again, ascending, those that are gone among them, until `let_go`."""
    sql = "select subject from identity_sighting where origin = ? order by subject"
    with home.state.read() as tx:
        parts = [np.array(rows, dtype=np.int64).reshape(-1) for rows in bulk.stream(tx, sql, (origin,))]
    return np.concatenate(parts) if parts else np.empty(0, np.int64)


def undo_counts(home: Home, origin: int, batches: Sequence[int]) -> dict[str, int]:
    """Return what `undo` will remove: subjects that only this import knows, and its evidence, personal fields and facts."""
    with home.state.read() as tx:
        found = {"subjects": int(bulk.value(tx, _ONLY, (origin,)))}
        for table, _ in _SAID:
            found[table] = int(bulk.value(tx, f"select count(*) from {table} where origin = ?", (origin,)))
    return found


def undo(home: Home, origin: int, batches: Sequence[int]) -> None:
    """Remove what an import said about who is who, and compute all persons anew; may be run again. Worker only."""
    archive.seal(home)  # what the lake does not hold yet could come into it later
    for part in _slices(home, origin):
        with home.state.write() as tx:
            _take_back(tx, home.seal, origin, part)
            store.next_generation(tx)
            fault.point("undo.identity.slice")
    archive.forget_batches(home, batches)
    with home.state.write() as tx:
        bulk.run(tx, "delete from identity_mention where origin = ?", (origin,))
    index.drop(home)
    home.state.scrub(["identity_mention", *(table for table, _ in store.OWN)])
    fault.point("undo.identity.rebuild")
    rebuild(home, reason="undo")
    if households.ever_built(home):
        households.rebuild(home)


def let_go(home: Home, origin: int, batches: Sequence[int]) -> None:
    """Forget which subjects an import brought: the last step, when nobody has to ask for them any more."""
    sql = "delete from identity_sighting where origin = ? and subject between ? and ?"
    for part in _slices(home, origin):
        with home.state.write() as tx:
            bulk.run(tx, sql, (origin, part[0], part[-1]))


def _slices(home: Home, origin: int) -> Iterator[list[int]]:
    sql = "select subject from identity_sighting where origin = ? and subject > ? order by subject limit ?"
    last = 0
    while True:
        with home.state.read() as tx:
            part = [row[0] for row in bulk.rows(tx, sql, (origin, last, _STEP))]
        if not part:
            return
        last = part[-1]
        yield part


def _take_back(tx: Connection, seal: Seal, origin: int, subjects: list[int]) -> None:
    """Remove what an origin said of subjects, and the subjects that nobody else has seen."""
    mine = f"origin = {int(origin)}"
    live: dict[int, int | None] = dict(
        bulk.among(tx, "select number, live_at from subject where number in {values}", subjects)
    )
    seen = "select subject, min(first_at) from identity_sighting where subject in {values} and not "
    others: dict[int, int] = dict(bulk.among(tx, f"{seen} {mine} group by subject", subjects))
    revoked = f"select distinct revoked_at, revoked_why, b, a from evidence where {mine} and revoked_at is not null and b in "
    _CARRY_OVER.run(tx, list(bulk.among(tx, revoked + "{values}", subjects)))
    for table, column in _SAID:
        bulk.run_among(tx, f"delete from {table} where {mine} and {column} in {{values}}", subjects)
    turns.take_back(tx, origin, subjects)
    for end in (
        "a",
        "b",
    ):  # what was matched may have stood on what this import said: the next pass finds it again
        bulk.run_among(tx, f"delete from identity_match where {end} in {{values}}", subjects)
    bulk.run(tx, "delete from identity_number where key = 'matched'")
    gone = [subject for subject, live_at in live.items() if live_at is None and subject not in others]
    for table, column in store.OWN:
        if table != "identity_sighting":
            bulk.run_among(tx, f"delete from {table} where {column} in {{values}}", gone)
    name_anew(tx, seal, sorted(live.keys() - set(gone)))
    first = {s: [at for at in (live_at, others.get(s)) if at is not None] for s, live_at in live.items()}
    _FIRST.run(tx, [(min(times), subject) for subject, times in first.items() if times])

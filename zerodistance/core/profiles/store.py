"""The tables of profiles in the state store: the home's own dimensions, and tag indexes of earlier moments that somebody waits for.

Nobody is named in them but who asks. What is asked of the first stands in `own.py`. Times are microseconds UTC.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, Table, Text, delete, select

from zerodistance.core.touchpoints import ledger
from zerodistance.kernel import clock
from zerodistance.kernel.home import Home
from zerodistance.kernel.state import metadata, upsert

profile_past = Table(
    "profile_past",
    metadata,
    Column("moment", BigInteger, primary_key=True, autoincrement=False),  # microseconds UTC
    Column("asked_by", Text, nullable=False),
    Column("asked_at", BigInteger, nullable=False),
)

own_dimension = Table(
    "own_dimension",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("key", Text, nullable=False, index=True),
    Column("said", Text, nullable=False),  # JSON of `Given`
    Column("unit_id", Integer),  # null: everybody's
    Column("base", BigInteger, nullable=False),  # first giving whose values count, 0: none was given
    Column("version", BigInteger, nullable=False),  # last giving whose values count
    Column("reserved", BigInteger, nullable=False),  # last giving that was begun
    Column("stamp", BigInteger, nullable=False, index=True),  # another one after each change of any row
    Column("made_by", Text, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("changed_by", Text, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("ended_by", Text),
    Column("ended_at", BigInteger),
    sqlite_autoincrement=True,
)


def want(home: Home, moment: int, who: str) -> None:
    """Note that somebody waits for the index of a moment."""
    with home.state.write() as tx:
        row = {"moment": moment, "asked_by": who, "asked_at": clock.micros()}
        tx.execute(upsert(profile_past).values(**row).on_conflict_do_nothing())


def next_wanted(home: Home) -> int | None:
    """Return the moment whose index was asked for first, None if nobody waits."""
    query = select(profile_past.c.moment).order_by(profile_past.c.asked_at, profile_past.c.moment).limit(1)
    with home.state.read() as tx:
        found = tx.execute(query).scalar()
    return None if found is None else int(found)


def no_longer_wanted(home: Home, moment: int) -> None:
    """Strike a moment from the list."""
    with home.state.write() as tx:
        tx.execute(delete(profile_past).where(profile_past.c.moment == moment))


def last_batch(home: Home) -> int:
    """Return the last batch of the log."""
    with home.state.read() as tx:
        return ledger.last_batch(tx)

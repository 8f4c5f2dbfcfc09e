"""What touchpoints has a backup hold: the journal, the tail files and staged imports that the frozen state names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, select

from zerodistance.core.touchpoints import journal, ledger, store, tail
from zerodistance.kernel.backups import Moved, Share
from zerodistance.kernel.frozen import FrozenSqlite
from zerodistance.kernel.home import Home

_JOURNAL = "journal.db"


def _named(home: Home, tx: Connection) -> Sequence[str]:
    """Return the files of the tail and of imports that are not done; those the state does not name belong to nobody yet."""
    job = store.import_job
    numbers = tx.execute(select(job.c.number).where(job.c.state.in_(("waiting", "running")))).scalars()
    return [*(f"tail/{f.file}" for f in tail.listed(tx)), *(f"imports/{n}.sealed" for n in numbers)]


def _mark(tx: Connection, databases: Mapping[str, FrozenSqlite]) -> Mapping[str, int]:
    """Return the last batch, how far the journal is digested, and its last row.

    Raises
    ------
    Moved
        The state has digested rows that came after the journal was frozen.
    """
    position = ledger.position(tx, journal.FEED)
    found = databases.get(_JOURNAL)
    row = found and found.connection.execute("select seq from sqlite_sequence where name = 'row'").fetchone()
    last = int(row[0]) if row else 0
    if position > last:
        raise Moved
    return {"batch": ledger.last_batch(tx), "journal_position": position, "journal_last": last}


SHARE = Share(databases=(_JOURNAL,), within=_named, mark=_mark)

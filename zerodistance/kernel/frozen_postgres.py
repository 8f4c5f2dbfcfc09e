"""One instant of a state that a PostgreSQL server keeps, copied into a SQLite file: a backup has one form, whatever kept the state.

The rows come out of one snapshot, through the same pass that moves a state from one store to the other, and every table is read back.
So a backup of either store can be restored into either.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection

from zerodistance.kernel import bulk, moving
from zerodistance.kernel.frozen import CopyDamaged, Tick, check_sqlite
from zerodistance.kernel.state import KEY, STATE_FILE, State


class FrozenPostgres:
    """A read transaction at the isolation level REPEATABLE READ: writers go on, the copy is of the instant of its first question.

    Parameters
    ----------
    tx
        Inside a transaction that has asked something already.
    """

    def __init__(self, tx: Connection) -> None:
        self._tx = tx

    @property
    def tx(self) -> Connection:
        """The snapshot, to be asked."""
        return self._tx

    def copy(self, folder: Path, tick: Tick) -> list[str]:
        """Copy every table into a SQLite file in `folder`, verified; return its name.

        Raises
        ------
        CopyDiffers
            A table reads back otherwise than it was written.
        CopyDamaged
            The file fails SQLite's integrity check.
        """
        path = folder / STATE_FILE
        for left in folder.glob(f"{STATE_FILE}*"):
            left.unlink()
        notes = State.notes_of(self._tx)
        size, rows = self._size(), max(1, moving.rows_of(self._tx))
        seen: dict[str, int] = {}

        def progress(table: str, done: int, _: int) -> None:
            tick((done - seen.get(table, 0)) * size // rows)
            seen[table] = done

        copy = State(path)
        try:
            copy.upgrade(notes[KEY])
            with copy.write() as into:
                moving.fill(self._tx, into, progress)
        finally:
            copy.close()  # the last connection puts the write-ahead log into the file
        said = check_sqlite(path)
        if said != "ok":
            raise CopyDamaged(file=STATE_FILE, said=said)
        return [STATE_FILE]

    def _size(self) -> int:
        return int(bulk.value(self._tx, "select pg_database_size(current_database())"))

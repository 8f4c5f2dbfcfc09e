"""What a home knows of its backups: which were made and when each expires; what rooms have them hold; tombstones of the forgotten.

A backup is begun in this table before it looks at any store, so that whoever forgets somebody meanwhile knows of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Table,
    delete,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy import Text as SqlText

from zerodistance.kernel.frozen import FrozenSqlite
from zerodistance.kernel.state import Number, metadata

if TYPE_CHECKING:
    from zerodistance.kernel.home import Home

backup_table = Table(
    "backup",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("name", SqlText, nullable=False),
    Column("folder", SqlText, nullable=False),
    Column("begun_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),  # null: under way, or it was interrupted
    Column("expires_at", BigInteger, nullable=False),
    Column("bytes", BigInteger),  # of the home as it was
    Column("new_bytes", BigInteger),  # that earlier backups did not hold
    Column("with_key", Boolean, nullable=False),
    sqlite_autoincrement=True,
)
"""One row a backup that was begun, until it is removed. Times in microseconds UTC."""

PINS = "pins"
"""The folder below the home where a running backup holds its files; empty between two."""

LOCK = "backup.lock"


class Moved(Exception):
    """A store went on between two looks; look again."""


@dataclass(frozen=True)
class Share:
    """What a room has a backup hold besides state and lake. Paths are relative to the home.

    Attributes
    ----------
    databases
        SQLite files, frozen an instant before the state.
    before, within
        Files that never change once they are written: what stands before the state is frozen, and what the frozen state names.
        One that is gone when it is to be held means that the store went on, and the look is taken again.
    mark
        Figures of the instant, from the frozen state and databases; raises `Moved` where they do not fit together.
    """

    databases: Sequence[str] = ()
    before: Callable[[Home], Sequence[str]] = lambda home: ()
    within: Callable[[Home, Connection], Sequence[str]] = lambda home, tx: ()
    mark: Callable[[Connection, Mapping[str, FrozenSqlite]], Mapping[str, int]] = field(
        default=lambda tx, databases: {}
    )


@dataclass(frozen=True)
class Begun:
    """One backup as the home remembers it. Times in microseconds UTC."""

    number: int
    name: str
    folder: str
    begun_at: int
    ended_at: int | None
    expires_at: int
    bytes: int | None
    new_bytes: int | None
    with_key: bool


def begin(tx: Connection, name: str, folder: Path, *, at: int, expires_at: int, with_key: bool) -> None:
    """Write down that a backup begins."""
    tx.execute(
        insert(backup_table).values(
            name=name, folder=str(folder), begun_at=at, expires_at=expires_at, with_key=with_key
        )
    )


def end(tx: Connection, name: str, folder: Path, *, at: int, size: int, new_bytes: int) -> None:
    """Write down that a backup is whole."""
    t = backup_table
    mine = (t.c.name == name, t.c.folder == str(folder))
    tx.execute(update(t).where(*mine).values(ended_at=at, bytes=size, new_bytes=new_bytes))


def gone(tx: Connection, name: str, folder: Path) -> None:
    """Write down that a backup is no more."""
    t = backup_table
    tx.execute(delete(t).where(t.c.name == name, t.c.folder == str(folder)))


def known(tx: Connection) -> bool:
    """Say whether the table is there: it is not in a state that was not upgraded yet."""
    return inspect(tx).has_table(backup_table.name)


def begun(tx: Connection) -> list[Begun]:
    """Return the backups that are not known to be gone, the oldest first."""
    rows = tx.execute(
        select(backup_table).order_by(backup_table.c.begun_at, backup_table.c.number)
    ).mappings()
    return [Begun(**row) for row in rows]

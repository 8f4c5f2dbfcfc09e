"""States: what touches add up to per subject, day and kind, in one lake table that only grows and is merged now and then.

One commit a turn holds every kind, so that all of them are of the same batch. Sums are whole numbers of small units: they
come out the same in whatever order they are added.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from importlib.resources import files

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from zerodistance.core.profiles import blocks, rules
from zerodistance.core.profiles.values import TOUCHES_WITH
from zerodistance.core.touchpoints.contracts import TOUCHES
from zerodistance.kernel.home import Home

TABLE, APP = "profile_state", "profiles"
QUANTITY, AMOUNT, DURATION = 1_000, 10_000, 1_000
"""Units of the sums per piece, per unit of currency, per second."""
STATES = pa.schema(
    [
        ("batch", pa.int64()),  # last batch that is in the row
        ("family", pa.string()),  # first word of the kind; rows of a family lie together
        ("subject", pa.int64()),
        ("day", pa.int32()),  # local day of happened_at, days since 1970-01-01
        ("kind", pa.string()),
        ("category", pa.string()),
        ("product", pa.string()),
        ("place", pa.string()),
        ("channel", pa.string()),
        ("fault", pa.string()),
        ("n", pa.int64()),  # touches
        ("quantity", pa.int64()),
        ("amount", pa.int64()),
        ("duration", pa.int64()),
        ("quantities", pa.int64()),  # touches that have a quantity; the same of the two others
        ("amounts", pa.int64()),
        ("durations", pa.int64()),
        ("largest", pa.int64()),  # amount of one touch, at most
        ("first_at", pa.int64()),
        ("last_at", pa.int64()),
    ]
)
_SMALL_FILE = 32 << 20  # own value: files below this are joined by `tidy`
_MANY_FILES = 48  # own value
_LAID = 250_000  # own value: so many states more are laid by themselves
_TIMES = 3  # own value: files that are not so many times as large as what comes after become one with it
_SQL = files(__package__) / "sql"
_READ = {"batch", "subject", "kind", "category", "product", "place", "channel", "fault"} | {
    "quantity", "amount", "currency", "duration", "happened_at",
}  # fmt: skip
_LARGEST = float(1 << 53)  # beyond it a double has no whole numbers any more
_locks: dict[str, threading.RLock] = {}


def lock(home: Home) -> threading.RLock:
    """Return the lock that whoever replaces states or writes the index in this process holds; appending needs none."""
    return _locks.setdefault(str(home.root), threading.RLock())


def held(home: Home) -> int:
    """Return the last batch that is in the states."""
    return home.lake.held(TABLE, APP)


def made_from(home: Home, touches: pa.Table, after: int) -> pa.Table:
    """Return the states of the touches of batches after `after` that point at somebody, one row a touch.

    They are added up by `merge` later: while they come in, hardly two touches of a turn have one key.
    Amounts in another currency than the home's are left out, never mixed in.
    """
    fresh = pc.and_(pc.is_valid(touches.column("subject")), pc.greater(touches.column("batch"), after))
    rows = touches.select([n for n in TOUCHES.names if n in _READ])
    rows = rows if pc.all(fresh).as_py() else rows.filter(fresh)
    at = rows.column("happened_at").cast(pa.int64())
    days = rules.days_of(np.ascontiguousarray(at.to_numpy()), home.settings.zone)
    currency = rows.column("currency")
    ours = pc.or_kleene(pc.is_null(currency), pc.equal(currency, home.settings.currency))
    amount = pc.if_else(ours, rows.column("amount"), pa.scalar(None, pa.float64()))
    same = ("batch", "subject", "kind", "category", "product", "place", "channel", "fault")
    sums = {
        "quantity": _whole(rows.column("quantity"), QUANTITY),
        "amount": _whole(amount, AMOUNT),
        "duration": _whole(rows.column("duration"), DURATION),
    }
    made = {
        **{name: rows.column(name) for name in same},
        "family": _families(rows.column("kind")),
        "day": pa.array(days, pa.int32()),
        "n": pa.array(np.ones(len(rows), np.int64)),
        **sums,
        **{TOUCHES_WITH[name]: pc.is_valid(sums[name]).cast(pa.int64()) for name in sums},
        "largest": sums["amount"],
        "first_at": at,
        "last_at": at,
    }
    return pa.table([made[name] for name in STATES.names], schema=STATES)


def _families(kinds: pa.ChunkedArray) -> pa.Array:
    """Return the first word of each kind."""
    coded = kinds.combine_chunks().dictionary_encode()
    words = pa.array([kind.partition(".")[0] for kind in coded.dictionary.to_pylist()], pa.string())
    return words.take(coded.indices)


def _whole(numbers: pa.ChunkedArray, units: int) -> pa.ChunkedArray:
    """Return numbers as whole numbers of small units; one too large to be true is null."""
    scaled = pc.round(pc.multiply(numbers, float(units)))
    sane = pc.less(pc.abs(scaled), _LARGEST)
    return pc.if_else(sane, scaled, pa.scalar(None, pa.float64())).cast(pa.int64())


def append(home: Home, rows: pa.Table, last_batch: int) -> bool:
    """Append states durably as those up to `last_batch`; a replay adds nothing. Return whether anything was written."""
    return home.lake.append(TABLE, rows, app=APP, version=last_batch)


def view(connection: duckdb.DuckDBPyConnection, home: Home) -> int:
    """Make the view `profile_state` (columns of `STATES`) in a connection; return the last batch in it.

    Grain: rows of one key add up. Published to the rooms above.
    """
    return _view(connection, home)[1]


def _view(connection: duckdb.DuckDBPyConnection, home: Home) -> tuple[list[str], int]:
    parts, batch = home.lake.snapshot(TABLE, APP)
    if not parts:
        connection.register("profile_state", STATES.empty_table())
        return parts, batch
    quoted = ", ".join("'" + part.replace("'", "''") + "'" for part in parts)
    here = home.lake.columns(TABLE)
    columns = ", ".join(name if name in here else f"null as {name}" for name in STATES.names)
    connection.execute(
        f"create or replace temp view profile_state as select {columns} from read_parquet([{quoted}])"
    )
    return parts, batch


def outgrown(home: Home) -> bool:
    """Say whether the table was made by an earlier version of the program and lacks columns, so that it has to be made anew."""
    here = home.lake.columns(TABLE)
    return bool(here) and set(here) != set(STATES.names)


def replace(home: Home, reader: pa.RecordBatchReader, last_batch: int) -> None:
    """Put these states in the place of all others, in one commit."""
    blocks.let_go(home.path("index"))
    home.lake.replace(TABLE, reader, app=APP, version=last_batch)


def tidy(home: Home) -> bool:
    """Join small files when there are many; return whether anything was done. No turn of the index waits for it."""
    if len(home.lake.files(TABLE)) < _MANY_FILES:
        return False
    home.lake.compact(TABLE, target_bytes=_SMALL_FILE)
    home.lake.let_go(TABLE)
    return True


def merge(home: Home, held: int, most_files: int = 8) -> bool:
    """Add up the states of each key and lay those of a subject together; return whether anything was done.

    Batches after `held`, which the index does not hold yet, stay apart: it finds what is new by the batch. So do those that are not in the first file of
    blocks.

    Rewrites what the table holds, so it is a job for the night; what is appended meanwhile stays apart, and no turn of the index waits. Does nothing while
    there are at most `most_files` files, or while an earlier version of the program has made them.
    """
    if outgrown(home):
        return False
    kept = blocks.opened(home.path("index"))
    upto = (
        min(held, kept.files[0].batch) if kept.files else held
    )  # no sum reaches over the edge of a file of blocks
    with home.lake.rewriting(), home.engine.connect() as connection:
        files, _ = _view(connection, home)
        if len(files) <= most_files:
            return False
        found = connection.sql((_SQL / "merged.sql").read_text(), params={"held": upto})
        home.lake.rewrite(TABLE, found.to_arrow_reader(131_072).cast(STATES), files)
    with lock(home):  # a turn may read what goes
        home.lake.purge(TABLE)
    return True


def lay(home: Home, *, anyway: bool = True) -> bool:
    """Write the states once more, those of a subject together (`blocks.py`); return whether it was done.

    Parameters
    ----------
    anyway
        All of them. False: only what has come in since, where that is much; together with the last files where those are not much larger, so that there are
        few, and each state is written again some times only.
    """
    folder = home.path("index")
    held = blocks.opened(folder)
    level, fresh = len(held.files), home.lake.count(TABLE) - held.rows
    if not anyway and fresh < _LAID:
        return False
    while level and (anyway or held.files[level - 1].rows < _TIMES * fresh):
        level -= 1
        fresh += held.files[level].rows
    after = held.files[level - 1].batch if level else 0
    gone = blocks.times_gone(folder)
    with home.engine.connect(share=0.5) as connection:
        batch = view(connection, home)
        query = (
            f"select {', '.join(blocks.COLUMNS)} from profile_state where batch > $after and batch <= $batch "
            "order by subject"
        )
        values = {"after": after, "batch": batch}
        found = connection.sql(query, params=values).to_arrow_reader(131_072)
        path = blocks.write(folder, iter(found), batch, after)
    with lock(home):
        if blocks.times_gone(folder) != gone:
            path.unlink(missing_ok=True)
            return False
        blocks.let_count(folder, path, level)
    return True


def forget(home: Home, subjects: Sequence[int]) -> int:
    """Remove the states of subjects, history included; return the number of rows."""
    with lock(home):
        blocks.let_go(home.path("index"))
        listed = ", ".join(str(int(s)) for s in subjects)
        return home.lake.delete_where(TABLE, f"subject in ({listed})") if subjects else 0


def expiring(connection: duckdb.DuckDBPyConnection, some: rules.Expiring) -> npt.NDArray[np.int64]:
    """Return the subjects with a state on some days, of some kinds."""
    where, values = "day between $first and $last", dict[str, int | str](first=some.first, last=some.last)
    if some.kinds:
        ranges = rules.kind_ranges(some.kinds)
        where += f" and ({' or '.join(f'kind between $low{n} and $high{n}' for n in range(len(ranges)))})"
        values |= {
            f"{edge}{n}": text
            for n, both in enumerate(ranges)
            for edge, text in zip(("low", "high"), both, strict=True)
        }
    return subjects(connection, where, values)


def subjects(
    connection: duckdb.DuckDBPyConnection, where: str, values: Mapping[str, int | str]
) -> npt.NDArray[np.int64]:
    """Return the subjects of the states for which a condition holds, with values bound."""
    found = connection.sql(f"select distinct subject from profile_state where {where}", params=values)
    return np.asarray(found.to_arrow_table().column("subject").to_numpy(), np.int64)

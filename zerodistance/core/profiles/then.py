"""Point in time: what was known at a moment, by `known_at` of touches and by who was who then.

States hold no `known_at`, so those of then are made from the log: of one person in a moment, of everybody by `past.py`. Windows end with the day of
that moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from zerodistance.core.profiles import evaluate, rollup, rules, states
from zerodistance.core.profiles.asked import NotThen
from zerodistance.core.profiles.contracts import (
    Dimension,
    People,
)
from zerodistance.core.touchpoints import book
from zerodistance.kernel import clock
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

_SLICE = 1_000_000  # own value: touches at once
_THEN = pa.schema(
    [("subject", pa.int64()), ("number", pa.int64()), ("today", pa.int64()), ("there", pa.bool_())]
)  # what `People.then` answers
_WHY = Text(
    "要日期或时刻，不晚于现在，如 2026-10-01（那天结束时）或 2026-10-01T08:00:00+08:00",
    "a day or a moment, not later than now, like 2026-10-01 (the end of that day) or 2026-10-01T08:00:00+08:00",
)


def moment(home: Home, given: str) -> int:
    """Return the moment that somebody names, microseconds UTC: of a day its end in the home's zone, of today now.

    Raises
    ------
    Invalid
        It is neither a day nor a moment, or lies in the future.
    """
    now, zone = clock.micros(), home.settings.tz
    try:
        if len(given) <= len("2026-10-01"):
            day = date.fromisoformat(given)
            began = clock.to_micros(datetime.combine(day, time(), zone))
            at = min(clock.to_micros(datetime.combine(day + timedelta(days=1), time(), zone)) - 1, now)
        else:
            said = datetime.fromisoformat(given)
            began = at = clock.to_micros(said if said.tzinfo else said.replace(tzinfo=zone))
    except (ValueError, OverflowError):
        raise Invalid(field="as_of", given=given[:40], why=_WHY) from None
    if not 0 <= began <= now:
        raise Invalid(field="as_of", given=given[:40], why=_WHY)
    return at


@dataclass(frozen=True)
class Then:
    """What was known of some at a moment.

    Attributes
    ----------
    numbers
        Subject that was asked for -> number then; whoever was not known yet is missing.
    subjects, whose
        Who belonged to them then, ascending, and to which number.
    states
        Of their touches that were known then: `number` and the columns of `STATES`.
    day
        Local day that windows end with.
    """

    numbers: dict[int, int]
    subjects: npt.NDArray[np.int64]
    whose: npt.NDArray[np.int64]
    states: pa.Table
    day: int
    tagged: evaluate.Tagged


def of_some(
    home: Home, people: People, subjects: Sequence[int], at: int, dimensions: Sequence[Dimension]
) -> Then:
    """Return what was known at a moment of whomever these subjects belonged to then.

    Facts that identity publishes are those of today: no history of them is kept. Of dimensions whose values are given nothing is known of then.
    """
    worked_out = [one for one in dimensions if one.of.name != "given"]
    day = rules.day_of(at, home.settings.zone)
    found = {subject: people.then(at, subject) for subject in dict.fromkeys(subjects)}
    them = pa.concat_tables([_THEN.empty_table(), *found.values()])
    them = them.group_by(_THEN.names, use_threads=False).aggregate([])
    touches = book.rows_of(home, them.column("subject").to_pylist())
    touches = touches.filter(pa.array(touches.column("known_at").to_numpy() <= at))
    rows = states.made_from(home, touches, 0)
    with home.engine.connect() as connection:
        them = there(them, rows.column("subject")).sort_by("subject")
        pairs = them.select(["subject", "number"])
        connection.register("profile_state", rows)
        tagged = evaluate.tag(
            connection,
            pairs,
            facts(people, them, everybody=False),
            worked_out,
            day,
            rollup=rollup.read(home),
            zone=home.settings.zone,
        )
    known_then = set(them.column("number").to_pylist())
    numbers = {s: t.column("number")[0].as_py() for s, t in found.items() if len(t)}
    subject, number = (pairs.column(name).to_numpy() for name in ("subject", "number"))
    mine = rows.filter(pc.is_in(rows.column("subject"), pairs.column("subject")))
    whose = number[np.searchsorted(subject, mine.column("subject").to_numpy())]
    mine = mine.add_column(0, "number", pa.array(whose, pa.int64()))
    return Then({s: n for s, n in numbers.items() if n in known_then}, subject, number, mine, day, tagged)


def of_one(home: Home, people: People, subject: int, at: int, dimensions: Sequence[Dimension]) -> Then:
    """Return what was known at a moment of whomever a subject belonged to then, see `of_some`.

    Raises
    ------
    NotThen
        Nothing was known of them yet.
    """
    found = of_some(home, people, [subject], at, dimensions)
    if not found.numbers:
        raise NotThen(at=clock.from_micros(at).astimezone(home.settings.tz).isoformat(" ", "seconds"))
    return found


def known(home: Home, connection: duckdb.DuckDBPyConnection, at: int) -> Iterator[pa.Table]:
    """Yield the states of all touches that were known at a moment, one row a touch; the connection has the view `touches`."""
    sql = "select * from touches where subject is not null and known_at <= $at"
    found = connection.sql(sql, params={"at": clock.from_micros(at)})
    for some in found.to_arrow_reader(_SLICE):
        yield states.made_from(home, pa.Table.from_batches([some]), 0)


def there(them: pa.Table, seen: pa.Array | pa.ChunkedArray) -> pa.Table:
    """Return of the map of then (`People.then`) the subjects that were known then: met by then, or with touches (`seen`) that were."""
    return them.filter(pc.or_(them.column("there"), pc.is_in(them.column("subject"), pc.unique(seen))))


def facts(people: People, them: pa.Table, *, everybody: bool) -> pa.Table:
    """Return the facts of today of those who were there then: `number` (of then), `fact`, `value`; those of whom the earliest subject belongs to today."""
    numbers, first = np.unique(them.column("number").to_numpy(), return_index=True)
    today = them.column("today").to_numpy()[first]
    found = people.facts(None if everybody else np.unique(today))
    map_ = pa.table({"today": pa.array(today), "then": pa.array(numbers)})
    joined = found.join(map_, "number", "today", join_type="inner")
    return joined.select(["then", "fact", "value"]).rename_columns(["number", "fact", "value"])

"""Reading the interaction log: what happened just now, and everything that a set of subjects did."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pyarrow as pa

from zerodistance.core.touchpoints import book, ledger, tail
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

_COLUMNS = (
    "batch", "row", "source", "kind", "name", "subject", "product", "category", "quantity", "amount", "currency",
    "duration", "fault", "place", "order_id", "channel", "page", "referrer", "campaign",
)  # fmt: skip
_TIMES = ("happened_at", "received_at", "known_at")
_PLACE = ("happened_at", "batch", "row")
_SELECT = ", ".join((*_COLUMNS, *(f"epoch_us({t}) as {t}" for t in _TIMES)))
_recent: dict[Path, tuple[int, int, tuple[LoggedTouch, ...]]] = {}


@dataclass(frozen=True, slots=True)
class LoggedTouch:
    """One touch as it stands in the log; times are microseconds UTC."""

    batch: int
    row: int
    source: int
    kind: str
    name: str | None
    subject: int | None
    product: str | None
    category: str | None
    quantity: float | None
    amount: float | None
    currency: str | None
    duration: float | None
    fault: str | None
    place: str | None
    order_id: str | None
    channel: str | None
    page: str | None
    referrer: str | None
    campaign: str | None
    happened_at: int
    received_at: int
    known_at: int


@dataclass(frozen=True, slots=True)
class Journey:
    """What a set of subjects did in all.

    Attributes
    ----------
    sources
        Source number -> touches.
    last_source
        Where the last touch came from; None without any.
    """

    touches: int
    first_at: int | None
    last_at: int | None
    last_source: int | None
    sources: dict[int, int]


@dataclass(frozen=True, slots=True)
class TouchPage:
    """A page of touches, latest first; `before` asks for the next one, None: there is none."""

    touches: tuple[LoggedTouch, ...]
    before: str | None


@dataclass(frozen=True)
class History:
    """Everything that some subjects did.

    Attributes
    ----------
    rows
        A table of `book.BOOK`, the latest first.
    """

    rows: pa.Table

    def journey(self) -> Journey:
        """Return how often, from when to when, at which sources."""
        if not len(self.rows):
            return Journey(0, None, None, None, {})
        at, sources = (self.rows.column(name).to_pylist() for name in ("happened_at", "source"))
        return Journey(len(at), at[-1], at[0], sources[0], dict(Counter(sources).most_common()))

    def known_by(self, at: int) -> History:
        """Return what of it was known at a moment, microseconds UTC."""
        return History(self.rows.filter(pa.array(self.rows.column("known_at").to_numpy() <= at)))

    def touches(self, places: Sequence[int]) -> tuple[LoggedTouch, ...]:
        """Return the touches of some rows."""
        some = self.rows.take(pa.array(places, pa.int64())).select([f.name for f in fields(LoggedTouch)])
        return tuple(LoggedTouch(**row) for row in some.to_pylist())

    def kinds(self) -> dict[str, int]:
        """Return kind -> touches, the most frequent first."""
        return dict(Counter(self.rows.column("kind").to_pylist()).most_common())

    def page(
        self,
        *,
        before: str | None = None,
        limit: int = 20,
        sources: Collection[int] = (),
        kinds: Collection[str] = (),
    ) -> TouchPage:
        """Return a page, the latest first.

        Parameters
        ----------
        before
            What the page before gave.
        sources, kinds
            Only touches of these sources, and of these kinds or families (`order.*`); empty: all.

        Raises
        ------
        Invalid
            `before` is not what a page before gave.
        """
        places = range(len(self.rows))
        if before is not None:
            place = _place(before)
            ends = zip(*(self.rows.column(name).to_pylist() for name in _PLACE), strict=True)
            places = range(
                next((n for n, one in enumerate(ends) if one < place), len(self.rows)), len(self.rows)
            )
        mine, some = self.rows.select(["source", "kind"]).to_pydict(), list[int]()
        for n in places:
            if sources and mine["source"][n] not in sources:
                continue
            if kinds and not any(_is_of(mine["kind"][n], kind) for kind in kinds):
                continue
            some.append(n)
            if len(some) > limit:
                break
        touches = self.touches(some[:limit])
        end = touches[-1] if len(some) > limit else None
        return TouchPage(touches, f"{end.happened_at}.{end.batch}.{end.row}" if end else None)


def _is_of(kind: str, wanted: str) -> bool:
    return kind.startswith(wanted[:-1]) if wanted.endswith(".*") else kind == wanted


def just_now(home: Home, who: Who, limit: int = 12) -> tuple[LoggedTouch, ...]:
    """Return the touches committed last, newest first. Kept until the next commit, so polling costs nothing."""
    with home.state.read() as tx:
        last = ledger.last_batch(tx)
        files = tail.listed(tx)
    known = _recent.get(home.root)
    if known is not None and known[:2] == (last, limit):
        return known[2]
    rows: list[dict[str, Any]] = []
    for file in reversed(files):
        try:
            table = tail.read_files(home, [file])
        except FileNotFoundError:
            break
        table = table.slice(max(0, table.num_rows - limit))
        for name in _TIMES:
            at = table.schema.get_field_index(name)
            table = table.set_column(at, name, table[name].cast("int64"))
        rows += reversed(table.select([*_COLUMNS, *_TIMES]).to_pylist())
        if len(rows) >= limit:
            break
    if not rows and last:
        rows = _query(
            home,
            f"select {_SELECT} from touches order by batch desc, row desc limit $limit",
            {"limit": limit},
        )
    found = tuple(LoggedTouch(**row) for row in rows[:limit])
    _recent[home.root] = (last, limit, found)
    return found


def history(home: Home, who: Who, subjects: Sequence[int]) -> History:
    """Return everything that these subjects did, at every touchpoint, read once; needs SEE_PERSONS."""
    who.need(Permission.SEE_PERSONS)
    rows = book.rows_of(home, subjects)
    if len(rows) > 1:
        rows = rows.sort_by([(name, "descending") for name in _PLACE])
    return History(rows)


def timeline(
    home: Home, who: Who, subjects: Sequence[int], *, before: str | None = None, limit: int = 20
) -> TouchPage:
    """Return a page of what these subjects did, see `History.page`; needs SEE_PERSONS."""
    return history(home, who, subjects).page(before=before, limit=limit)


def _place(before: str) -> tuple[int, int, int]:
    found = re.fullmatch(r"(-?\d{1,18})\.(\d{1,18})\.(\d{1,9})", before)
    if found is None:
        why = Text("要用上一页给出的 before", "take the `before` that the page before gave")
        raise Invalid(field="before", given=before[:40], why=why)
    return int(found[1]), int(found[2]), int(found[3])


def journey(home: Home, who: Who, subjects: Sequence[int]) -> Journey:
    """Return what these subjects did in all: how often, from when to when, at which sources; needs SEE_PERSONS."""
    return history(home, who, subjects).journey()


def source_touches(home: Home, who: Who, source: int, limit: int = 5) -> tuple[LoggedTouch, ...]:
    """Return the touches of one source that were committed last, newest first; only the hot tail is read."""
    with home.state.read() as tx:
        files = tail.listed(tx)
    out: list[LoggedTouch] = []
    for file in reversed(files[-20:]):
        try:
            table = tail.read_files(home, [file])
        except FileNotFoundError:
            break
        mask = table["source"].to_numpy() == source
        if mask.any():
            table = table.filter(mask)
            table = table.slice(max(0, table.num_rows - limit))
            for name in _TIMES:
                at = table.schema.get_field_index(name)
                table = table.set_column(at, name, table[name].cast("int64"))
            out += [LoggedTouch(**row) for row in reversed(table.select([*_COLUMNS, *_TIMES]).to_pylist())]
        if len(out) >= limit:
            break
    return tuple(out[:limit])


def _query(home: Home, sql: str, bound: dict[str, Any]) -> list[dict[str, Any]]:
    with home.engine.connect() as connection:
        tail.touches_view(connection, home)
        found = connection.execute(sql, bound)
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


@dataclass(frozen=True)
class Composition:
    """What the touches of one source are made of.

    Attributes
    ----------
    nobody
        Touches on which nothing points at anybody.
    returned
        Touches of the kind `order.returned`.
    corrected
        Touches of other kinds whose quantity or amount is below zero: stock counted again, debts written off.
    """

    touches: int
    nobody: int
    returned: int
    corrected: int


def composition(home: Home, who: Who, source: int) -> Composition:
    """Count what the touches of a source are made of, lake and tail."""
    sql = (
        "select count(*), count(*) filter (where subject is null), count(*) filter (where kind = 'order.returned'), "
        "count(*) filter (where kind <> 'order.returned' and (quantity < 0 or amount < 0)) "
        "from touches where source = $source"
    )
    with home.engine.connect() as connection:
        tail.touches_view(connection, home)
        row = connection.execute(sql, {"source": source}).fetchone()
    assert row is not None
    return Composition(*row)

"""Where a feed of rows stands: the value its cursor has reached, and the rows near it that were read already.

Rows come late: a transaction that began earlier commits later. So each run begins a stretch before where the last one ended (`overlap`), and
at least at the same value, since several rows may have it. What was read there already is known by a keyed hash and left out; were it not, the
import would drop it as a repeat.
"""

from __future__ import annotations

import base64
import json
import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import xxhash

from zerodistance.connectors.feeds.contracts import Cursor, Value
from zerodistance.core.touchpoints.unpack import TooMuch
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

PART_BYTES = 256 << 20  # own value: bytes of rows in one import
REMEMBERED = 100_000  # own value: rows near the cursor that are told apart, 8 bytes each; more are repeats for the import


class CursorUnfit(ZeroDistanceError):
    """A cursor has a value that no order can be followed by."""

    code, status = "cursor_unfit", 409
    text = Text("游标 {field}：{why_zh}", "the cursor {field}: {why_en}")

    def __init__(self, field: str, zh: str, en: str) -> None:
        super().__init__(field=field, why_zh=zh, why_en=en)


@dataclass(frozen=True)
class Position:
    """Where a feed stands; nowhere yet where `upto` is None.

    Attributes
    ----------
    recent
        Keyed hashes of the rows from `overlap` before `upto` on that were read.
    """

    upto: Value | None = None
    recent: frozenset[int] = frozenset()


def pack(position: Position) -> bytes:
    """Return a position as bytes."""
    recent = b"".join(one.to_bytes(8, "little") for one in sorted(position.recent))
    said = {"upto": _tagged(position.upto), "recent": base64.b64encode(recent).decode()}
    return json.dumps(said).encode()


def unpack(data: bytes) -> Position:
    """Return the position that `pack` made bytes of."""
    said = json.loads(data)
    recent = base64.b64decode(said["recent"])
    prints = (int.from_bytes(recent[i : i + 8], "little") for i in range(0, len(recent), 8))
    return Position(_untagged(said["upto"]), frozenset(prints))


def _tagged(value: Value | None) -> list[str] | None:
    if value is None:
        return None
    if isinstance(value, datetime | date):
        return [type(value).__name__, value.isoformat()]
    return [type(value).__name__, str(value)]


_READ: dict[str, Any] = {
    "int": int,
    "float": float,
    "Decimal": Decimal,
    "str": str,
    "date": date.fromisoformat,
    "datetime": datetime.fromisoformat,
}


def _untagged(said: list[str] | None) -> Value | None:
    if said is None:
        return None
    found: Value = _READ[said[0]](said[1])
    return found


def checked(field: str, value: Any) -> Value:
    """Return the value of a cursor, if there is an order to follow.

    Raises
    ------
    CursorUnfit
        It is empty, or neither a number, a time nor a text.
    """
    if isinstance(value, str | int | Decimal | date) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    kind = type(value).__name__
    raise CursorUnfit(
        field,
        f"值的类型是 {kind}，不能用来排序；要用数字、时间或文字的列",
        f"its value is of the type {kind}, which has no order; name a column of numbers, times or texts",
    )


def back(cursor: Cursor, value: Value) -> Value:
    """Return where to begin again after a run that ended at `value`.

    Raises
    ------
    CursorUnfit
        The overlap is a span of time and the cursor a number, or the other way round.
    """
    overlap = cursor.overlap
    if not overlap:
        return value
    if isinstance(overlap, timedelta):
        if isinstance(value, datetime):
            return value - overlap
        if isinstance(value, date):
            return value - timedelta(days=math.ceil(overlap / timedelta(days=1)))
    elif isinstance(value, int | float | Decimal):
        return value - overlap
    raise CursorUnfit(
        cursor.field,
        f"overlap 与它的值（{type(value).__name__}）对不上：时间写 10m，数字写整数，文字没有 overlap",
        f"`overlap` does not fit its values ({type(value).__name__}): write 10m for times, a whole number for numbers; texts have none",
    )


class Following:
    """The rows of one run, cut into parts where they come in order; it knows where the feed stands after each.

    Parameters
    ----------
    cursor
        None: every run lists everything, and what was read before is known by its hash only.
    rows
        Value of the cursor, None where a row has none, and line of each row.
    most
        New rows after which a part ends, as soon as the cursor moves on: rows of one value stay together.
    """

    def __init__(
        self,
        home: Home,
        cursor: Cursor | None,
        before: Position,
        rows: Iterator[tuple[Value | None, bytes]],
        most: int,
    ) -> None:
        self._seed = home.seal.fingerprint_seed
        self._cursor, self._before, self._rows, self._most = cursor, before, rows, most
        self._ordered = cursor is not None and cursor.ordered
        self._limit = home.settings.max_import_bytes
        self._held: tuple[Value | None, bytes] | None = None
        self._near: deque[tuple[Value | None, int]] = deque(maxlen=REMEMBERED)
        self._last: Value | None = None
        self.ended = False
        self.read = 0

    def part(self) -> Iterator[bytes]:
        """Yield the lines of the next part that were not read before.

        Raises
        ------
        TooMuch
            Rows that come in no order are more than one import may be.
        """
        new = size = 0
        while (row := self._next()) is not None:
            value, line = row
            full = self._ordered and (new >= self._most or size >= PART_BYTES)
            if full and value is not None and value != self._last:
                self._held = row
                return
            if size > self._limit:
                raise TooMuch(limit=self._limit)
            mark = xxhash.xxh3_64_intdigest(line, self._seed)
            if value is not None and (
                self._ordered or self._last is None or self._is_before(self._last, value)
            ):
                self._last = value
            self._near.append((value, mark))
            self.read += 1
            if mark not in self._before.recent:
                new, size = new + 1, size + len(line)
                yield line
        self.ended = True

    def _next(self) -> tuple[Value | None, bytes] | None:
        held, self._held = self._held, None
        return held if held is not None else next(self._rows, None)

    def position(self) -> Position:
        """Return where the feed stands after what was read."""
        if not self.read:
            return self._before
        upto, old = self._before.upto, frozenset[int]()
        if self._last is not None and (upto is None or not self._is_before(self._last, upto)):
            upto = self._last
        elif not self.ended:  # what lies between here and there was not read again yet
            old = self._before.recent
        if self._cursor is None or upto is None:
            return Position(None, frozenset(mark for _, mark in self._near))
        first = back(self._cursor, upto)
        if self._ordered:
            while self._near and self._is_old(self._near[0][0], first):
                self._near.popleft()
        return Position(upto, old | {mark for value, mark in self._near if not self._is_old(value, first)})

    def _is_old(self, value: Value | None, first: Value) -> bool:
        return value is not None and self._is_before(value, first)

    def _is_before(self, value: Value, other: Value) -> bool:
        """Say whether a value comes before another. Of texts that come in order only the server knows the order."""
        if self._ordered and isinstance(value, str):
            return False
        try:
            return bool(value < other)  # type: ignore[operator]
        except TypeError:
            assert self._cursor is not None
            kinds = f"{type(value).__name__}, {type(other).__name__}"
            raise CursorUnfit(
                self._cursor.field,
                f"值有几种类型（{kinds}），或有的带时区有的不带，排不出先后",
                f"its values are of several types ({kinds}), or some have a zone and some none: they have no order",
            ) from None

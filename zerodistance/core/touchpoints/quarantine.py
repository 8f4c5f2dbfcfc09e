"""The quarantine: what could not become a touch, with its reason, to be looked at, mended and replayed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, case, delete, func, select, update

from zerodistance.core.touchpoints import kept, sources, store
from zerodistance.core.touchpoints.details import form, words
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import NotFound, ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log
from zerodistance.kernel.text import Text

_OPEN_KEYS = frozenset(
    ("type", "event", "timestamp", "originalTimestamp", "sentAt")
)  # of the protocol, not of a person
_SHOWN = 4_000  # own value: letters of one row that are shown
_READ = 64 << 10  # own value: a row that is longer is shown as the beginning of its text, not taken apart
_PART = 500  # ids in one statement


class AlreadyReplayed(ZeroDistanceError):
    """A row that has become a touch can't be mended any more."""

    code, status = "already_replayed", 409
    text = Text("q{id} 已经重放成功，不能再改", "q{id} has been replayed and can't be changed any more")


@dataclass(frozen=True, slots=True)
class Group:
    """Refused rows of one source and reason; times in microseconds UTC."""

    source: str
    reason: str
    waiting: int
    replayed: int
    first_at: int
    last_at: int


@dataclass(frozen=True, slots=True)
class Row:
    """One refused row.

    Attributes
    ----------
    content
        What came: JSON, or text where it is none. Masked, every letter by `a`, digit by `9`, other sign of a script by
        `字`, unless it was revealed.
    detail
        What was given, as a form without content, and what is allowed.
    asked_at
        Its replay was asked for and has not happened yet.
    """

    id: int
    source: str
    feed: str
    place: str
    reason: str
    detail: Text
    at: int
    asked_at: int | None
    replayed_at: int | None
    content: Any


def groups(home: Home, who: Who) -> list[Group]:
    """Return how many rows wait by source and reason, most first; of the sources that this account sees."""
    q, keys = store.quarantine, _visible(home, who)
    columns = (
        q.c.source, q.c.reason, func.sum(case((q.c.replayed_at.is_(None), 1), else_=0)).label("waiting"),
        func.count().label("rows"), func.min(q.c.at).label("first"), func.max(q.c.at).label("last"),
    )  # fmt: skip
    with home.state.read() as tx:
        found = tx.execute(select(*columns).group_by(q.c.source, q.c.reason)).all()
    shown = [
        Group(keys[r.source], r.reason, r.waiting, r.rows - r.waiting, r.first, r.last)
        for r in found
        if r.source in keys
    ]
    return sorted(shown, key=lambda g: (-g.waiting, g.source, g.reason))


def rows(
    home: Home,
    who: Who,
    *,
    source: str | None = None,
    reason: str | None = None,
    replayed: bool = False,
    reveal: bool = False,
    after: int = 0,
    limit: int = 100,
) -> list[Row]:
    """Return refused rows in the order they came; those that were replayed only if asked for. Reveal needs its permission."""
    if reveal:
        who.need(Permission.REVEAL)
    q, keys = store.quarantine, _visible(home, who)
    wanted = [q.c.id > after, *_chosen(keys, source, reason)]
    if not replayed:
        wanted.append(q.c.replayed_at.is_(None))
    with home.state.read() as tx:
        found = tx.execute(select(q).where(*wanted).order_by(q.c.id).limit(limit)).all()
    if reveal:
        log("quarantine").warning("revealed", who=who.name, rows=len(found), source=source)
    return [_row(home, keys, r, reveal) for r in found]


def show(home: Home, who: Who, number: int, *, reveal: bool = False) -> Row:
    """Return one refused row, masked unless `reveal`, which needs its permission and is noted.

    Raises
    ------
    NotFound
        There is none with this number that the account may see.
    """
    keys = _visible(home, who)
    with home.state.read() as tx:
        found = _one(tx, keys, number)
    if reveal:
        who.need(Permission.REVEAL)
        log("quarantine").warning("revealed", who=who.name, row=number)
    return _row(home, keys, found, reveal)


def export(
    home: Home, who: Who, *, source: str | None = None, reason: str | None = None, reveal: bool = False
) -> Iterator[Row]:
    """Yield every row that waits, a few at a time."""
    last = 0
    while part := rows(home, who, source=source, reason=reason, reveal=reveal, after=last, limit=1_000):
        yield from part
        last = part[-1].id


def replay(
    home: Home,
    who: Who,
    *,
    ids: Sequence[int] | None = None,
    source: str | None = None,
    reason: str | None = None,
) -> int:
    """Ask for refused rows to be taken up again; the worker does it, each row once. Return how many were asked for.

    Without `ids`, `source` or `reason` every row that waits.
    """
    who.need(Permission.OPERATE)
    q, keys, now = store.quarantine, _visible(home, who), clock.micros()
    open_ones = [*_chosen(keys, source, reason), q.c.replayed_at.is_(None)]
    parts = [None] if ids is None else [ids[i : i + _PART] for i in range(0, len(ids), _PART)]
    with home.state.write() as tx:
        asked = 0
        for part in parts:
            wanted = open_ones if part is None else [*open_ones, q.c.id.in_(part)]
            asked += tx.execute(update(q).where(*wanted).values(asked_at=now)).rowcount
    return asked


def mend(home: Home, who: Who, number: int, content: bytes) -> None:
    """Replace what a refused row holds, before it is replayed. The text that came is lost; the reason and place stay.

    Raises
    ------
    AlreadyReplayed
        The row has become a touch.
    """
    who.need(Permission.OPERATE)
    who.need(Permission.REVEAL)
    q, keys = store.quarantine, _visible(home, who)
    with home.state.write() as tx:
        if _one(tx, keys, number).replayed_at is not None:
            raise AlreadyReplayed(id=number)
        tx.execute(
            update(q).where(q.c.id == number).values(raw=home.seal.seal(kept.pack(content)[0], kept.WHERE))
        )
    log("quarantine").warning("mended", who=who.name, row=number)


def expire(home: Home) -> None:
    """Remove the rows that are older than the settings keep them."""
    before = clock.micros() - home.settings.quarantine_days * clock.MICROS_PER_DAY
    with home.state.write() as tx:
        gone = tx.execute(delete(store.quarantine).where(store.quarantine.c.at < before)).rowcount
    if gone:
        log("quarantine").info("expired", rows=gone)


def mask(value: Any, key: str = "") -> Any:
    """Return a value with its form, not its content.

    Examples
    --------
    >>> mask({"type": "trak", "email": "a.b@x.cn", "n": 12, "姓名": "王伟"})
    {'type': 'trak', 'email': 'a.a@a.aa', 'n': '99', '姓名': '字字'}
    """
    if key in _OPEN_KEYS and not isinstance(value, (dict, list)):
        return value
    if isinstance(value, dict):
        return {k: mask(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [mask(v) for v in value]
    if value is None or isinstance(value, bool):
        return value
    return form(str(value))


def _visible(home: Home, who: Who) -> dict[int, str]:
    return {s.number: s.key for s in sources.list_sources(home, who)}


def _chosen(keys: dict[int, str], source: str | None, reason: str | None) -> list[ColumnElement[bool]]:
    q = store.quarantine
    numbers = [number for number, key in keys.items() if source is None or key == source]
    if source is not None and not numbers:
        raise sources.NoSource(key=source)
    wanted: list[ColumnElement[bool]] = [q.c.source.in_(numbers)]
    return wanted if reason is None else [*wanted, q.c.reason == reason]


def _one(tx: Connection, keys: dict[int, str], number: int) -> Any:
    found = tx.execute(select(store.quarantine).where(store.quarantine.c.id == number)).first()
    if found is None or found.source not in keys:
        raise NotFound(what=Text("隔离区的行", "row in the quarantine"), given=f"q{number}")
    return found


def _row(home: Home, keys: dict[int, str], r: Any, reveal: bool) -> Row:
    raw = kept.open(home.seal, r.raw, _READ)
    content: Any
    try:
        content = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        content = raw[:_SHOWN].decode("utf-8", "replace")
    return Row(
        r.id, keys[r.source], r.feed, r.place, r.reason, words(r.detail), r.at, r.asked_at, r.replayed_at,
        content if reveal else mask(content),
    )  # fmt: skip

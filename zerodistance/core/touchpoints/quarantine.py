"""The quarantine: what could not become a touch, with its reason, to be looked at, mended and replayed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, case, delete, func, or_, select, update

from zerodistance.core.touchpoints import kept, sources, store
from zerodistance.core.touchpoints.details import form, words
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid, NotFound, ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log
from zerodistance.kernel.text import Text

_OPEN_KEYS = frozenset(
    ("type", "event", "timestamp", "originalTimestamp", "sentAt")
)  # of the protocol, not of a person
_SHOWN = 4_000  # own value: letters of one row that are shown
_READ = 64 << 10  # own value: a row that is longer is shown as the beginning of its text, not taken apart
_PART = 500  # ids in one statement
_WHY = 500  # own value: letters of why rows were dismissed


class AlreadyReplayed(ZeroDistanceError):
    """A row that has become a touch can't be mended any more."""

    code, status = "already_replayed", 409
    text = Text("q{id} 已经重放成功，不能再改", "q{id} has been replayed and can't be changed any more")


@dataclass(frozen=True, slots=True)
class Group:
    """Refused rows of one source, reason and field; times in microseconds UTC.

    Attributes
    ----------
    field
        Where in the row it is wrong; empty where that is not known, or it is the whole row.
    waiting, replayed, dismissed
        Rows that wait for somebody, that have become touches, that were given up.
    """

    source: str
    reason: str
    field: str
    waiting: int
    replayed: int
    dismissed: int
    first_at: int
    last_at: int


@dataclass(frozen=True, slots=True)
class Choice:
    """Which refused rows are meant: of a source, reason and field (empty: where none is known); None: of any.

    With `ids` only those of them.
    """

    source: str | None = None
    reason: str | None = None
    field: str | None = None
    ids: Sequence[int] | None = None


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
    mended_at
        What it holds is no longer what came; that is kept, and `take_back` puts it back.
    remapped
        It is replayed under another mapping than its import's.
    dismissed_at, dismissed_by, dismissed_why
        It was given up.
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
    field: str = ""
    mended_at: int | None = None
    remapped: bool = False
    dismissed_at: int | None = None
    dismissed_by: str | None = None
    dismissed_why: str | None = None


def groups(home: Home, who: Who) -> list[Group]:
    """Return how many rows wait by source, reason and field, most first; of the sources that this account sees."""
    q, keys = store.quarantine, visible(home, who)
    open_ones = and_(q.c.replayed_at.is_(None), q.c.dismissed_at.is_(None))
    given_up = and_(q.c.replayed_at.is_(None), q.c.dismissed_at.is_not(None))
    columns = (
        q.c.source, q.c.reason, q.c.field, func.sum(case((open_ones, 1), else_=0)).label("waiting"),
        func.sum(case((given_up, 1), else_=0)).label("dismissed"),
        func.count().label("rows"), func.min(q.c.at).label("first"), func.max(q.c.at).label("last"),
    )  # fmt: skip
    with home.state.read() as tx:
        found = tx.execute(select(*columns).group_by(q.c.source, q.c.reason, q.c.field)).all()
    shown = [
        Group(
            keys[r.source],
            r.reason,
            r.field,
            r.waiting,
            r.rows - r.waiting - r.dismissed,
            r.dismissed,
            r.first,
            r.last,
        )
        for r in found
        if r.source in keys
    ]
    return sorted(shown, key=lambda g: (-g.waiting, g.source, g.reason, g.field))


def rows(
    home: Home,
    who: Who,
    *,
    source: str | None = None,
    reason: str | None = None,
    field: str | None = None,
    replayed: bool = False,
    dismissed: bool = False,
    reveal: bool = False,
    after: int = 0,
    limit: int = 100,
) -> list[Row]:
    """Return refused rows in the order they came; those that were replayed or dismissed only if asked for.

    Reveal needs its permission, and is noted.
    """
    if reveal:
        who.need(Permission.REVEAL)
    q, keys = store.quarantine, visible(home, who)
    wanted = [q.c.id > after, *chosen(keys, Choice(source, reason, field))]
    if not replayed:
        wanted.append(q.c.replayed_at.is_(None))
    if not dismissed:
        wanted.append(q.c.dismissed_at.is_(None))
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
    keys = visible(home, who)
    with home.state.read() as tx:
        found = one(tx, keys, number)
    if reveal:
        who.need(Permission.REVEAL)
        log("quarantine").warning("revealed", who=who.name, row=number)
    return _row(home, keys, found, reveal)


def content(home: Home, who: Who, number: int) -> bytes:
    """Return what a refused row holds, byte by byte, to whom may see it; that is noted."""
    who.need(Permission.REVEAL)
    with home.state.read() as tx:
        found = one(tx, visible(home, who), number)
    log("quarantine").warning("revealed", who=who.name, row=number)
    return kept.open(home.seal, found.raw)


def export(
    home: Home,
    who: Who,
    *,
    source: str | None = None,
    reason: str | None = None,
    field: str | None = None,
    reveal: bool = False,
) -> Iterator[Row]:
    """Yield every row that waits, a few at a time."""
    last = 0
    while part := rows(
        home, who, source=source, reason=reason, field=field, reveal=reveal, after=last, limit=1_000
    ):
        yield from part
        last = part[-1].id


def replay(
    home: Home,
    who: Who,
    *,
    ids: Sequence[int] | None = None,
    source: str | None = None,
    reason: str | None = None,
    field: str | None = None,
) -> int:
    """Ask for refused rows to be taken up again; the worker does it, each row once. Return how many were asked for.

    Without `ids`, `source`, `reason` or `field` every row that waits; those that were dismissed never.
    """
    who.need(Permission.OPERATE)
    return change(home, who, Choice(source, reason, field, ids), asked_at=clock.micros())


def dismiss(home: Home, who: Who, which: Choice, why: str) -> int:
    """Give rows up: they wait for nobody any more, and go when their time has come. Return how many were.

    Raises
    ------
    Invalid
        No reason is given.
    """
    who.need(Permission.OPERATE)
    if not why.strip():
        said = Text("说明为什么不再处理", "say why they are given up")
        raise Invalid(field=Text("原因", "the reason"), given=why, why=said)
    now, said_why = clock.micros(), why.strip()[:_WHY]
    done = change(
        home, who, which, asked_at=None, dismissed_at=now, dismissed_by=who.name, dismissed_why=said_why
    )
    log("quarantine").warning("dismissed", who=who.name, rows=done)
    return done


def recall(home: Home, who: Who, which: Choice) -> int:
    """Take rows that were dismissed up again; return how many wait again."""
    who.need(Permission.OPERATE)
    values = {"dismissed_at": None, "dismissed_by": None, "dismissed_why": None}
    return change(home, who, which, dismissed=True, **values)


def change(home: Home, who: Who, which: Choice, *, dismissed: bool = False, **values: Any) -> int:
    """Set columns of chosen rows that have not become touches; return of how many. Private to the room."""
    q, keys = store.quarantine, visible(home, who)
    state = q.c.dismissed_at.is_not(None) if dismissed else q.c.dismissed_at.is_(None)
    open_ones = [*chosen(keys, which), q.c.replayed_at.is_(None), state]
    ids = which.ids
    parts = [None] if ids is None else [ids[i : i + _PART] for i in range(0, len(ids), _PART)]
    with home.state.write() as tx:
        done = 0
        for part in parts:
            wanted = open_ones if part is None else [*open_ones, q.c.id.in_(part)]
            done += tx.execute(update(q).where(*wanted).values(**values)).rowcount
    return done


def mend(home: Home, who: Who, number: int, content: bytes) -> None:
    """Replace what a refused row holds, before it is replayed. What came is kept beside it, see `take_back`.

    Raises
    ------
    AlreadyReplayed
        The row has become a touch.
    """
    who.need(Permission.OPERATE)
    who.need(Permission.REVEAL)
    q, keys = store.quarantine, visible(home, who)
    with home.state.write() as tx:
        found = one(tx, keys, number)
        if found.replayed_at is not None:
            raise AlreadyReplayed(id=number)
        tx.execute(update(q).where(q.c.id == number).values(**replaced(home, content)))
    log("quarantine").warning("mended", who=who.name, row=number)


def replaced(home: Home, content: bytes) -> dict[str, Any]:
    """Return the columns of a row that holds something else now: what came first stays. Private to the room."""
    q = store.quarantine
    sealed = home.seal.seal(kept.pack(content)[0], kept.WHERE)
    return {"came": func.coalesce(q.c.came, q.c.raw), "raw": sealed, "mended_at": clock.micros()}


def take_back(home: Home, who: Who, which: Choice) -> int:
    """Put back what came into rows that were mended or remapped, and have not become touches; return into how many."""
    who.need(Permission.OPERATE)
    q, keys = store.quarantine, visible(home, who)
    changed = or_(q.c.came.is_not(None), q.c.remapping.is_not(None))
    wanted = [*chosen(keys, which), q.c.replayed_at.is_(None), changed]
    if which.ids is not None:
        wanted.append(q.c.id.in_(which.ids[:_PART]))
    values = {
        "raw": func.coalesce(q.c.came, q.c.raw),
        "came": None,
        "mended_at": None,
        "remapping": None,
        "asked_at": None,
    }
    with home.state.write() as tx:
        return tx.execute(update(q).where(*wanted).values(**values)).rowcount


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


def visible(home: Home, who: Who) -> dict[int, str]:
    """Return number -> key of the sources that this account sees. Private to the room."""
    return {s.number: s.key for s in sources.list_sources(home, who)}


def chosen(keys: dict[int, str], which: Choice) -> list[ColumnElement[bool]]:
    """Return the conditions that a choice means, but for its ids. Private to the room.

    Raises
    ------
    NoSource
        The account sees no such source.
    """
    q = store.quarantine
    numbers = [number for number, key in keys.items() if which.source is None or key == which.source]
    if which.source is not None and not numbers:
        raise sources.NoSource(key=which.source)
    wanted: list[ColumnElement[bool]] = [q.c.source.in_(numbers)]
    if which.reason is not None:
        wanted.append(q.c.reason == which.reason)
    if which.field is not None:
        wanted.append(q.c.field == which.field)
    return wanted


def one(tx: Connection, keys: dict[int, str], number: int) -> Any:
    """Return one row of a source that is seen; raises NotFound. Private to the room."""
    found = tx.execute(select(store.quarantine).where(store.quarantine.c.id == number)).first()
    if found is None or found.source not in keys:
        raise NotFound(what=Text("隔离区的行", "row in the quarantine"), given=f"q{number}")
    return found


def _row(home: Home, keys: dict[int, str], r: Any, reveal: bool) -> Row:
    held = shown(kept.open(home.seal, r.raw, _READ))
    return Row(
        r.id, keys[r.source], r.feed, r.place, r.reason, words(r.detail), r.at, r.asked_at, r.replayed_at,
        held if reveal else mask(held), r.field, r.mended_at, r.remapping is not None, r.dismissed_at, r.dismissed_by,
        r.dismissed_why,
    )  # fmt: skip


def shown(raw: bytes) -> Any:
    """Return what a row holds as JSON, or as the beginning of its text where it is none."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return raw[:_SHOWN].decode("utf-8", "replace")

"""The quarantine desk: how groups of refused rows move, what a rule would do to them, and mending all of a group by one rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import pyarrow as pa
from sqlalchemy import BigInteger, Connection, func, insert, literal_column, select, update

from zerodistance.core.touchpoints import import_jobs, quarantine, sources, store
from zerodistance.core.touchpoints.agreed import Agreed
from zerodistance.core.touchpoints.details import words
from zerodistance.core.touchpoints.mapper import Mapper
from zerodistance.core.touchpoints.mapping import parse
from zerodistance.core.touchpoints.mending import Rule, checked, mended
from zerodistance.core.touchpoints.parse import Parser
from zerodistance.core.touchpoints.quarantine import Choice
from zerodistance.core.touchpoints.replay import WAITING, ReplayFeed, Waiting, alike, opened
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log
from zerodistance.kernel.text import Text

HOUR = 3_600 * clock.MICROS_PER_SECOND
HOURS = 24
LOOKED = 200  # own value: rows that a preview looks at
_EXAMPLES = 5
_PART = 100  # own value: rows mended in one transaction
_BYTES = 16 << 20  # own value: bytes of rows mended in one transaction
_BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

Key = tuple[str, str, str]
"""Source, reason and field of a group."""


@dataclass(frozen=True, slots=True)
class Example:
    """One row of a preview: where it stood, what it holds before and after by its form, and why it would still be refused."""

    place: str
    before: Any
    after: Any
    changed: bool
    reason: str | None
    detail: Text | None


@dataclass
class Preview:
    """What a rule would do to the first rows of a choice.

    Attributes
    ----------
    waiting
        Rows that the choice means.
    looked
        Rows of them that were looked at, the oldest first.
    changed, passes
        Rows of those that it changes, and that would become touches then.
    refused
        By reason: rows that would still be refused.
    """

    waiting: int = 0
    looked: int = 0
    changed: int = 0
    passes: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    examples: list[Example] = field(default_factory=list)


def trend(home: Home, who: Who) -> Mapping[Key, tuple[int, ...]]:
    """Return how many rows were refused in each of the last 24 hours, by group; the hour under way last."""
    q, keys = store.quarantine, quarantine.visible(home, who)
    now = clock.micros()
    first = now - now % HOUR - (HOURS - 1) * HOUR
    # written out, not bound: a database would take two bound parameters for two expressions
    since, size = (literal_column(str(n), BigInteger()) for n in (first, HOUR))
    hour = (q.c.at - since) // size
    query = select(q.c.source, q.c.reason, q.c.field, hour, func.count()).where(
        q.c.at >= first, q.c.source.in_(keys)
    )
    out: dict[Key, list[int]] = {}
    with home.state.read() as tx:
        for source, reason, name, at, n in tx.execute(
            query.group_by(q.c.source, q.c.reason, q.c.field, hour)
        ):
            if 0 <= at < HOURS:
                out.setdefault((keys[source], reason, name), [0] * HOURS)[int(at)] = n
    return {key: tuple(hours) for key, hours in out.items()}


def preview(
    home: Home, who: Who, which: Choice, rule: Rule | None = None, mapping: str | None = None
) -> Preview:
    """Say what a rule, a newer mapping or a replay as they are would do to the first rows of a choice; nothing is changed.

    Parameters
    ----------
    rule
        How they are mended first; None: they stay as they are.
    mapping
        TOML under which rows of imports are read instead of their own.

    Raises
    ------
    RuleWrong, MappingWrong
        It can't be followed.
    """
    who.need(Permission.OPERATE)
    if rule is not None:
        checked(rule)
    if mapping is not None:
        _fits(home, who, which, mapping)
    q = store.quarantine
    wanted = _waiting(home, who, which)
    with home.state.read() as tx:
        found = Preview(tx.execute(select(func.count()).where(*wanted)).scalar_one())
        rows = tx.execute(select(*WAITING).where(*wanted).order_by(q.c.id).limit(LOOKED)).all()
    before = [opened(home, row) for row in rows]
    after = [_mended(home, row, rule) for row in before]
    with _judging(home) as feed:
        failed = _judged(feed, after, mapping)
    found.looked = len(before)
    found.passes = len(before) - len(failed)
    for old, new in zip(before, after, strict=True):
        changed = old.raw != new.raw
        found.changed += changed
        reason, detail = failed.get(old.id, (None, ""))
        if reason is not None:
            found.refused[reason] += 1
        if len(found.examples) < _EXAMPLES:
            first, then = (quarantine.mask(quarantine.shown(one.raw)) for one in (old, new))
            said = words(detail) if detail else None
            found.examples.append(Example(old.place, first, then, changed, reason, said))
    return found


def mend_by_rule(home: Home, who: Who, which: Choice, rule: Rule) -> int:
    """Mend every waiting row of a choice by one rule; return how many it changed. Doing so again changes nothing.

    What came stays beside each row, see `quarantine.take_back`. The rows are replayed by `quarantine.replay`.

    Raises
    ------
    RuleWrong
        The rule can't be followed.
    """
    who.need(Permission.OPERATE)
    checked(rule)
    wanted, last, done = _waiting(home, who, which), 0, 0
    while True:
        with home.state.write() as tx:
            rows = _some(home, tx, wanted, last)
            for row in rows:
                new = _mended(home, row, rule)
                if new.raw != row.raw:
                    values = quarantine.replaced(home, new.raw)
                    tx.execute(
                        update(store.quarantine).where(store.quarantine.c.id == row.id).values(**values)
                    )
                    done += 1
        if not rows:
            break
        last = rows[-1].id
    said = {"source": which.source, "reason": which.reason, "operation": rule.operation}
    log("quarantine").warning("mended_by_rule", who=who.name, rows=done, **said)  # its values may be personal
    return done


def remap(home: Home, who: Who, which: Choice, mapping: str) -> int:
    """Have the rows of imports in a choice replayed under another mapping than their import's; return how many.

    What identifies a row stays: file and row number, or the columns that the new mapping names.

    Raises
    ------
    MappingWrong
        The mapping does not fit the columns of one of their files.
    Invalid
        There is no row of an import among them.
    """
    who.need(Permission.OPERATE)
    who.need(Permission.IMPORT)
    _fits(home, who, which, mapping)
    q = store.quarantine
    row = {"mapping": mapping, "made_by": who.name, "made_at": clock.micros()}
    wanted = [*_waiting(home, who, which), q.c.feed.like("import:%")]
    with home.state.write() as tx:
        key = tx.execute(insert(store.remapping).values(row)).inserted_primary_key
        assert key is not None
        done = tx.execute(update(q).where(*wanted).values(remapping=key[0])).rowcount
    log("quarantine").warning("remapped", who=who.name, rows=done, source=which.source)
    return done


def _waiting(home: Home, who: Who, which: Choice) -> list[Any]:
    q = store.quarantine
    wanted: list[Any] = [
        *quarantine.chosen(quarantine.visible(home, who), which),
        q.c.replayed_at.is_(None),
        q.c.dismissed_at.is_(None),
    ]
    return wanted if which.ids is None else [*wanted, q.c.id.in_(list(which.ids)[:500])]


def _some(home: Home, tx: Connection, wanted: Sequence[Any], last: int) -> list[Waiting]:
    """Return the next rows, so few that mending them takes a moment."""
    q = store.quarantine
    query = select(*WAITING).where(*wanted, q.c.id > last).order_by(q.c.id).limit(_PART)
    rows: list[Waiting] = []
    size = 0
    for row in tx.execute(query):
        rows.append(opened(home, row))
        size += len(rows[-1].raw)
        if size > _BYTES:
            break
    return rows


def _mended(home: Home, row: Waiting, rule: Rule | None) -> Waiting:
    """Return a row as a rule mends it; one that is no JSON stays as it is."""
    if rule is None:
        return row
    try:
        content = msgspec.json.decode(row.raw)
    except _BROKEN:
        return row
    new = mended(rule, content, home.settings.tz)
    return row if new is content else replace(row, raw=msgspec.json.encode(new))


@contextmanager
def _judging(home: Home) -> Iterator[ReplayFeed]:
    """Give what takes rows up again, with an engine of its own, to ask it without a commit."""
    limits = {source.number: source.event_bytes for source in sources.every(home)}

    def size(source: int) -> int:
        return limits.get(source, sources.EVENT_BYTES)

    with home.engine.connect() as connection:
        yield ReplayFeed(home, Parser(connection, home.seal, size, home.settings.currency, Agreed(home)))


def _judged(feed: ReplayFeed, rows: Sequence[Waiting], mapping: str | None) -> dict[int, tuple[str, str]]:
    """Return which rows would still be refused, and why."""
    failed: dict[int, tuple[str, str]] = {}
    for part in _parts(rows):
        batch, said = feed.judge(part, mapping)
        failed |= said
        if batch is None:
            failed |= {row.id: ("bad_row", "") for row in part if row.id not in failed}
    return failed


def _parts(rows: Iterable[Waiting]) -> Iterator[list[Waiting]]:
    part: list[Waiting] = []
    for row in rows:
        if part and not alike(row, part[0]):
            yield part
            part = []
        part.append(row)
    if part:
        yield part


def _fits(home: Home, who: Who, which: Choice, text: str) -> None:
    """Refuse a mapping that does not fit the columns of every file whose rows are chosen."""
    mapping, q = parse(text), store.quarantine
    wanted = [*_waiting(home, who, which), q.c.feed.like("import:%")]
    with home.state.read() as tx:
        feeds = tx.execute(select(q.c.feed).where(*wanted).distinct().order_by(q.c.feed)).scalars().all()
    if not feeds:
        why = Text(
            "这些行不是从文件导入的，没有映射", "these rows come from no file, so they have no mapping"
        )
        raise Invalid(field=Text("映射", "the mapping"), given="", why=why)
    for feed in feeds:
        job = import_jobs.load(home, int(feed.partition(":")[2]))
        schema = pa.schema([(name, pa.large_string()) for name, _ in job.columns])
        targets = {name: kind for name, kind in job.columns if kind != "VARCHAR"}
        Mapper(home, mapping, schema, import_jobs.origin(home, job), targets).close()

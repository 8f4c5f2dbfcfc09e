"""Tag indexes of earlier moments: made from the log with what was known then, kept for some days, never brought up to date.

Each lies in `index/past/MOMENT/` with the states it was made from, so that conditions on behaviour are of then as well. Whoever is forgotten takes all of them
away: they are made anew when somebody asks.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from zerodistance.core.profiles import evaluate, index, publishing, rollup, rules, states, store, then
from zerodistance.core.profiles.asked import PastNotMade
from zerodistance.core.profiles.contracts import Dimension, IndexDamaged, People
from zerodistance.core.profiles.dimensions import INDEXED
from zerodistance.core.profiles.index import Index
from zerodistance.core.profiles.own import own_dimensions
from zerodistance.core.profiles.parts import Part
from zerodistance.core.touchpoints.tail import touches_view
from zerodistance.kernel import clock, fault, files
from zerodistance.kernel.home import Home
from zerodistance.kernel.locks import FolderLock
from zerodistance.kernel.logs import log
from zerodistance.kernel.text import Text

READING, TAGGING, WRITING = (
    Text("读交互日志", "reading the log"),
    Text("计算标签", "computing tags"),
    Text("写索引", "writing the index"),
)
Told = Callable[[Text, int, int], None]
_STATES, _SAYS = "states.parquet", "made.json"
_TRIES = 3  # own value: as often it is begun again when somebody was forgotten meanwhile
_looked: dict[str, int] = {}
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Made:
    """A tag index of an earlier moment that is there; `at` and `made_at` are microseconds UTC.

    Attributes
    ----------
    batch
        Last batch of the log when it was made: a later import may have brought more that was known then.
    mark
        Fingerprint of the dimensions and the brand's tables it was made with.
    """

    at: int
    batch: int
    mark: str
    made_at: int
    persons: int
    visitors: int


def current(home: Home, at: int) -> Index:
    """Return the tag index as of a moment.

    Raises
    ------
    PastNotMade
        It is not there, or something that was known then has come in since, or dimensions or the brand's tables are others.
    """
    folder = _folder(home, at)
    said = _said(folder)
    if (
        said is not None
        and said.mark == _mark(home, _dimensions(home, at))
        and not _stale(home, folder, said)
    ):
        try:
            found = index.current(folder)
            if found.made_at is not None:
                return found
        except (IndexDamaged, FileNotFoundError):
            log("profiles").error("past_damaged", path=str(folder))
    raise PastNotMade(
        at=_written(home, at), day=f"{clock.from_micros(at).astimezone(home.settings.tz):%Y-%m-%d}"
    )


def listed(home: Home) -> list[Made]:
    """Return those that are there, the latest moment first."""
    found = (_said(path) for path in _root(home).glob("[0-9]*"))
    return sorted((one for one in found if one is not None), key=lambda one: -one.at)


def states_view(connection: duckdb.DuckDBPyConnection, here: Index) -> None:
    """Make the view `profile_state` (columns of `STATES`) of the states that a past index was made from."""
    path = str(Path(here.folder, _STATES)).replace("'", "''")
    connection.execute(f"create or replace temp view profile_state as select * from read_parquet('{path}')")


def is_past(folder: str) -> bool:
    """Say whether the index in a folder is one of an earlier moment."""
    return Path(folder).parent.name == "past"


def make(home: Home, people: People, at: int, told: Told = lambda stage, done, of: None) -> Made:
    """Make the tag index as of a moment, unless it is there; nothing stays of one that is not finished."""
    try:
        current(home, at)
    except PastNotMade:
        for _ in range(_TRIES - 1):
            if made := _made(home, people, at, told):
                return made
        made = _made(home, people, at, told, still=True)
        assert made is not None
        return made
    said = _said(_folder(home, at))
    assert said is not None
    return said


def _made(home: Home, people: People, at: int, told: Told, *, still: bool = False) -> Made | None:
    """Make one; None where somebody was forgotten meanwhile, whom it may hold. With `still` nobody can be until it is done."""
    root = _root(home)
    root.mkdir(parents=True, exist_ok=True)
    building = root / f"new-{secrets.token_hex(8)}"
    building.mkdir()
    try:
        if still:
            with _alone(home):
                return _put(home, building, at, _build(home, people, building, at, told))
        before = _times_gone(home)
        made = _build(home, people, building, at, told)
        with _alone(home):
            return _put(home, building, at, made) if _times_gone(home) == before else None
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _put(home: Home, building: Path, at: int, made: Made) -> Made:
    (building / _SAYS).write_text(json.dumps(asdict(made)))
    fault.point("profiles.past")
    folder = _folder(home, at)
    index.forget(building)
    index.forget(folder)
    if folder.exists():
        shutil.rmtree(folder)
    os.replace(building, folder)
    files.sync(folder.parent)
    return made


def _build(home: Home, people: People, folder: Path, at: int, told: Told) -> Made:
    """Write states and index of a moment into a folder."""
    every = _dimensions(home, at)
    zone, day, brand = home.settings.zone, rules.day_of(at, home.settings.zone), rollup.read(home)
    with home.engine.connect() as connection:
        touches_view(connection, home)
        ((batch, rows),) = connection.execute(
            "select coalesce(max(batch), 0), count(*) from touches"
        ).fetchall()
        told(READING, 0, rows)
        seen, done = [pa.array([], pa.int64())], 0
        with pq.ParquetWriter(folder / _STATES, states.STATES, compression="zstd") as out:
            for some in then.known(home, connection, at):
                out.write_table(some)
                seen.append(pc.unique(some.column("subject")))
                done += len(some)
                told(READING, done, rows)
        files.sync(folder / _STATES)
        told(READING, rows, rows)
        them = then.there(people.then(at), pa.chunked_array(seen))
        told(TAGGING, 0, 1)
        connection.execute("drop view touches")
        path = str(folder / _STATES).replace("'", "''")
        connection.execute(f"create temp view profile_state as select * from read_parquet('{path}')")
        told_facts = then.facts(people, them, everybody=True)
        pairs = them.select(["subject", "number"])
        tagged = evaluate.tag(connection, pairs, told_facts, every, day, rollup=brand, zone=zone)
    told(TAGGING, 1, 1)
    told(WRITING, 0, 1)
    mark = _mark(home, every)
    part = Part(
        batch,
        day,
        people.version(),
        mark=mark,
        made_at=at,
        changed=None,
        universe=tagged.universe,
        nodes=tagged.nodes,
        numbers=tagged.numbers,
        pairs=(pairs.column("subject").to_numpy(), pairs.column("number").to_numpy().astype(np.uint32)),
        spots=brand.spots,
    )
    publishing.publish(folder, Index(), part)
    told(WRITING, 1, 1)
    return Made(at, batch, mark, clock.micros(), *tagged.universe.sizes)


def _stale(home: Home, folder: Path, said: Made) -> bool:
    """Say whether something that was known then has come in since it was made; what was looked at is not looked at again."""
    last = store.last_batch(home)
    with _lock:
        looked = _looked.get(str(folder), said.batch)
    if last <= max(looked, said.batch):
        return False
    with home.engine.connect() as connection:
        touches_view(connection, home)
        sql = "select count(*) from (select 1 from touches where batch > $b and known_at <= $at and subject is not null limit 1)"
        values = {"b": max(looked, said.batch), "at": clock.from_micros(said.at)}
        ((more,),) = connection.execute(sql, values).fetchall()
    if not more:
        with _lock:
            _looked[str(folder)] = last
    return bool(more)


def make_wanted(home: Home, people: People) -> int:
    """Make those that somebody has asked for, the first asked first; return how many. Worker only."""
    done = 0
    while (wanted := store.next_wanted(home)) is not None:
        try:
            made = make(home, people, wanted)
            log("profiles").info("past_made", at=wanted, persons=made.persons, visitors=made.visitors)
        finally:
            store.no_longer_wanted(home, wanted)
        done += 1
    return done


def expire(home: Home) -> None:
    """Remove those that are older than `past_days`, or made with other dimensions, and what killed processes left."""
    oldest = clock.micros() - home.settings.past_days * clock.MICROS_PER_DAY
    with _alone(home):
        for path in _root(home).glob("[0-9]*"):
            said = _said(path)
            if said is None or said.made_at < oldest or said.mark != _mark(home, _dimensions(home, said.at)):
                _remove(path)
        for path in _root(home).glob("new-*"):
            if clock.micros() - path.stat().st_mtime_ns // 1_000 > clock.MICROS_PER_DAY:
                _remove(path)


def let_go(home: Home) -> int:
    """Remove all of them, since somebody in them is to be forgotten or what was known then is another; return how many there were."""
    root = _root(home)
    if not root.exists():
        return 0
    with _alone(home):
        found = list(root.glob("[0-9]*"))
        (root / "gone").write_text(str(_times_gone(home) + 1))
        for path in found:
            _remove(path)
    return len(found)


def times_gone(home: Home) -> int:
    """Return a number that is another one once somebody was forgotten, be there any of them or not: what memory holds of then goes."""
    _root(home).mkdir(parents=True, exist_ok=True)
    return _times_gone(home)


def _remove(path: Path) -> None:
    index.forget(path)
    with _lock:
        _looked.pop(str(path), None)
    shutil.rmtree(path, ignore_errors=True)


def _times_gone(home: Home) -> int:
    """Return how often all of them were removed: what was begun before may hold somebody who was forgotten."""
    path = _root(home) / "gone"
    return int(path.read_text() or 0) if path.exists() else 0


@contextmanager
def _alone(home: Home) -> Iterator[None]:
    """Let no other process of this home put or remove any meanwhile."""
    root = _root(home)
    root.mkdir(parents=True, exist_ok=True)
    with FolderLock(root / ".lock"):
        yield


def _said(folder: Path) -> Made | None:
    try:
        return Made(**json.loads((folder / _SAYS).read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _dimensions(home: Home, at: int) -> tuple[Dimension, ...]:
    """Return what can be said as of a moment: with what the home's own dimensions are today, but those whose values were given, which have no history."""
    day = rules.day_of(at, home.settings.zone)
    some = own_dimensions(home, now=True).by_key.values()
    return (
        *INDEXED,
        *(one.dimension for one in some if one.dimension.of.name != "given" and not one.expired(day)),
    )


def _mark(home: Home, dimensions: Sequence[Dimension]) -> str:
    """Return the fingerprint of what decides tags beside touches and identity; facts are those of the day it was made."""
    means = rules.fingerprint(dimensions, home.settings.zone, home.settings.currency)
    return f"{means}.{rollup.read(home).mark}"


def _root(home: Home) -> Path:
    return home.path("index", "past")


def _folder(home: Home, at: int) -> Path:
    return _root(home) / str(at)


def _written(home: Home, at: int) -> str:
    return clock.from_micros(at).astimezone(home.settings.tz).isoformat(" ", "seconds")

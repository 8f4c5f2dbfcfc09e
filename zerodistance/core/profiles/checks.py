"""What `doctor` looks at in profiles: states and index are whole, hold every touch, and say the same; both can be rebuilt."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import duckdb

from zerodistance.core.profiles import api, index, parts, states
from zerodistance.core.profiles.contracts import IndexDamaged, IndexOlder
from zerodistance.core.profiles.index import Index
from zerodistance.core.touchpoints import ledger
from zerodistance.core.touchpoints.tail import TailLost, touches_view
from zerodistance.kernel import clock, lake_health
from zerodistance.kernel.access import Who
from zerodistance.kernel.findings import Finding, Level, good
from zerodistance.kernel.home import Home
from zerodistance.kernel.mending import aside
from zerodistance.kernel.text import Text

_REBUILD = Text("从日志重建（profiles rebuild）", "make it anew from the log (profiles rebuild)")
_HOLDS = Text(
    "交互和身份不受影响；重建之前画像和人群可能不对",
    "touches and identity are untouched; until then profiles and segments may be wrong",
)
_SAMPLE = 200  # own value: people whose tags are recomputed
_TRIES = 5  # the worker may replace a file between the look at the pointer and at the file


def checks(home: Home, deep: bool = False) -> Iterator[Finding]:
    """Yield what is found in states and tag index; with `deep` every page of the states is read."""
    with home.state.read() as tx:
        last = ledger.last_batch(tx)
    health = lake_health.look(home, states.TABLE, content=deep)
    if health.log or health.hurt:
        what = health.log or ", ".join(sorted({hurt.path.name for hurt in health.hurt}))
        yield _states_wrong(home, f"画像状态读不出来：{what}", f"the states can't be read: {what}")
        return
    held = states.held(home)
    if held > last:
        yield _states_wrong(
            home,
            f"画像状态已有第 {held} 批，状态库只到第 {last} 批",
            f"the states hold batch {held} but the state ends at {last}",
        )
        return
    yield _all_touches(home)
    try:
        here = _read_again(home)
    except IndexOlder as error:
        yield Finding(Level.NOTE, "index", Text(error.message("zh"), error.message("en")))
        return
    except IndexDamaged as error:
        yield _damage(home, error.message("zh"), error.message("en"), "index.damaged")
        return
    except OSError as error:
        zh, en = f"索引文件不见了：{error.filename}", f"a file of the index is missing: {error.filename}"
        yield _damage(home, zh, en, "index.missing")
        return
    if here.batch > last:
        yield _damage(
            home,
            f"索引已有第 {here.batch} 批，状态库只到第 {last} 批",
            f"the index holds batch {here.batch} but the state ends at {last}",
        )
        return
    yield good(
        "index",
        f"{len(here.names)} 个文件，校验一致；到第 {here.batch} 批（共 {last} 批）",
        f"{len(here.names)} files with the checksums they were written with; to batch {here.batch} of {last}",
    )
    yield _audit(home)


def _damage(home: Home, zh: str, en: str, code: str = "index.wrong") -> Finding:
    return Finding(Level.DAMAGE, "index", Text(zh, en), _REBUILD, lambda: _index_anew(home), code, _HOLDS)


def _index_anew(home: Home) -> None:
    for path in home.path("index").iterdir():
        aside(home, path)
    api.follower(home).rebuild(touches_too=False)


def _states_wrong(home: Home, zh: str, en: str) -> Finding:
    """Return the finding for states that are not what the log says, or can't be read; everything in them is made of the log."""

    def anew() -> None:
        aside(home, home.lake.path(states.TABLE))
        for path in home.path("index").iterdir():
            aside(home, path)
        api.rebuild(home, Who.system("doctor"))

    return Finding(Level.DAMAGE, "index", Text(zh, en), _REBUILD, anew, "states.damaged", _HOLDS)


def _read_again(home: Home) -> Index:
    """Read every part from disk, whatever this process remembers of them."""
    for tries_left in range(_TRIES - 1, -1, -1):
        try:
            for name in parts.pointed(home.path("index"))[1]:
                parts.check(home.path("index", name))
            break
        except FileNotFoundError:
            if not tries_left:
                raise
    index.forget(home.path("index"))
    return index.current(home.path("index"))


def _all_touches(home: Home) -> Finding:
    """Hold the number of touches in the states against the log, up to the batch that the states hold."""
    try:
        return _counted(home)
    except (TailLost, duckdb.Error, OSError):  # the log itself is damaged: said where it is looked at
        why = Text(
            "日志读不出来，无法核对画像状态", "the log can't be read, so the states can't be held against it"
        )
        return Finding(Level.NOTE, "index", why)


def _counted(home: Home) -> Finding:
    with home.engine.connect() as connection:
        held = states.view(connection, home)
        touches_view(connection, home)
        ((kept,),) = connection.execute("select coalesce(sum(n), 0) from profile_state").fetchall()
        query = "select count(*) from touches where subject is not null and batch <= $held"
        ((said,),) = connection.execute(query, {"held": held}).fetchall()
    if kept != said:
        return _states_wrong(
            home,
            f"画像状态含 {kept:,} 条交互，日志里有 {said:,} 条",
            f"the states hold {kept:,} touches, the log has {said:,}",
        )
    return good(
        "index",
        f"画像状态含全部 {said:,} 条有主体的交互",
        f"the states hold all {said:,} touches that point at somebody",
    )


def _audit(home: Home) -> Finding:
    """Recompute the tags of some people, others every time."""
    wrong = api.follower(home).audit(_SAMPLE, Random(clock.micros()))
    if wrong:
        return _damage(home, f"标签与状态不一致：{wrong[0]}", f"tags differ from the states: {wrong[0]}")
    return good(
        "index", "抽查了一些人的标签，与状态一致", "the tags of some people were recomputed and agree"
    )

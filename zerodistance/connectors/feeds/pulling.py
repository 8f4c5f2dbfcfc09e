"""One run of one feed: never two at once, its end noted with when it is due again, a failure with its reason."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

from sqlalchemy import update

from zerodistance.connectors.feeds import kept, pulled, rules, store
from zerodistance.connectors.feeds.contracts import Files, Folder, Http, Outcome, Sftp, Spec, Sql, Value
from zerodistance.connectors.feeds.cursors import Following, Position
from zerodistance.connectors.feeds.folder import LocalTree
from zerodistance.connectors.feeds.spec import again
from zerodistance.connectors.feeds.watched import Run, Tree, take
from zerodistance.kernel import clock, fault
from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import ZeroDistanceError, told
from zerodistance.kernel.home import Home
from zerodistance.kernel.locks import sole
from zerodistance.kernel.logs import log
from zerodistance.kernel.text import Text

SOON = 30.0  # own value, seconds: when a feed of which more waits, or whose files are being written, is due again
_TELL = 2.0  # own value, seconds between two notes of how far a run is


class FeedBusy(ZeroDistanceError):
    """Somebody else runs the feed just now."""

    code, status, retry = "feed_busy", 409, True
    text = Text(
        "取数 {name} 正在运行；等它结束再试",
        "the feed {name} is being run just now; try again when that has ended",
    )


class NoRoom(ZeroDistanceError):
    """The disk is too short for more to be taken in."""

    code, status, retry = "no_room", 507, True
    text = Text(
        "磁盘剩余少于 {least} 字节（设置 min_free_bytes），暂不取数",
        "less than {least} bytes of disk are free (setting min_free_bytes): nothing is taken in for now",
    )


class Stopping(BaseException):
    """The process is to end: no error, and nothing to be noted; the run is done anew when the next one starts."""


def run(
    home: Home,
    number: int,
    *,
    stop: threading.Event | None = None,
    hear: Callable[[int], None] | None = None,
) -> Outcome:
    """Run a feed now and note how it went.

    Parameters
    ----------
    stop
        Ends the run soon; what is imported stays, what is not is met again.
    hear
        Hears how many rows or files have been read.

    Raises
    ------
    FeedBusy
        It is being run.
    Stopping
        `stop` was set.
    ZeroDistanceError
        It failed; that is noted too.
    """
    row = kept.load(home, number)
    with sole(kept.lock_path(home, number), FeedBusy(name=row["name"])):
        kept.change(home, number, last_started_at=clock.micros(), progress=0)
        try:
            spec = again(row["text"], row["name"], row["mapping"]).spec
            outcome = _pull(spec, _run(home, row, spec, stop or threading.Event(), hear))
        except Stopping:
            raise
        except Exception as error:
            _failed(home, number, row["name"], row["every"], row["failures"] + 1, error)
            raise
        fault.point("feeds.run.done")
        _ended(home, number, row, outcome)
    return outcome


@contextmanager
def files_of(home: Home, spec: Spec) -> Iterator[tuple[Tree, Files]]:
    """Give the folder that a feed of files watches, and which files of it are meant."""
    match spec.where:
        case Folder(files):
            yield LocalTree(files, home.root), files
        case Sftp() as server:
            from zerodistance.connectors.feeds import sftp

            with sftp.connected(home, server) as tree:
                yield tree, server.files
        case _:
            raise AssertionError(spec.kind)  # is a feed of rows


@contextmanager
def rows_of(
    home: Home,
    spec: Spec,
    before: Position,
    most: int | None = None,
    wait: Callable[[float], None] = time.sleep,
) -> Iterator[Iterator[tuple[Value | None, bytes]]]:
    """Give the rows of a feed of rows, from where it begins again, at most `most`: cursor and line of each."""
    match spec.where:
        case Sql() as sql:
            from zerodistance.connectors.feeds import database

            with database.connected(home, sql) as connection:
                yield database.rows(connection, sql, before, most)
        case Http() as web:
            from zerodistance.connectors.feeds import paged

            with paged.connected(home, web, wait) as api:
                yield islice(paged.rows(home, api, web, before), most)
        case _:
            raise AssertionError(spec.kind)  # is a feed of files


def has_files(spec: Spec) -> bool:
    """Say whether it is a feed of files, not of rows."""
    return isinstance(spec.where, Folder | Sftp)


def _pull(spec: Spec, this: Run) -> Outcome:
    has_room(this.home)
    if has_files(spec):
        with files_of(this.home, spec) as (tree, files):
            return take(this, tree, files)
    assert isinstance(spec.where, Sql | Http)
    most = spec.where.rows if isinstance(spec.where, Sql) else Sql.rows
    before = pulled.position(this.home, this.feed)
    with rows_of(this.home, spec, before, wait=this.wait) as rows:
        return pulled.pull(this, Following(this.home, spec.where.cursor, before, rows, most))


def has_room(home: Home) -> None:
    """Look whether more may be kept.

    Raises
    ------
    NoRoom
        The disk is short.
    """
    if shutil.disk_usage(home.root).free < home.settings.min_free_bytes:
        raise NoRoom(least=home.settings.min_free_bytes)


def _run(home: Home, row: Any, spec: Spec, stop: threading.Event, hear: Callable[[int], None] | None) -> Run:
    told_at = time.monotonic()

    def wait(seconds: float) -> None:
        if stop.wait(seconds) if seconds else stop.is_set():
            raise Stopping

    def tell(done: int) -> None:
        nonlocal told_at
        if hear is not None:
            hear(done)
        if time.monotonic() - told_at >= _TELL:
            told_at = time.monotonic()
            kept.change(home, row["number"], progress=done)

    who = Who.system(f"feed {row['name']}")
    source = spec.source or again(row["text"], row["name"], row["mapping"]).mapping.source.key
    return Run(home, who, row["number"], row["name"], spec.mapping, source, wait, tell)


def _ended(home: Home, number: int, row: Any, outcome: Outcome) -> None:
    f, now = store.source_feed, clock.micros()
    pause = min(SOON, row["every"]) if outcome.more or outcome.left else row["every"]
    values: dict[str, Any] = {
        "last_finished_at": now,
        "next_at": now + int(pause * clock.MICROS_PER_SECOND),
        "failures": 0,
        "error_code": None,
        "error_zh": None,
        "error_en": None,
        "taken": f.c.taken + len(outcome.imports),
        "rows": f.c.rows + outcome.rows,
    }
    if outcome.imports:
        values["last_import"] = outcome.imports[-1]
    with home.state.write() as tx:
        tx.execute(update(f).where(f.c.number == number).values(values))
    said = {"imports": len(outcome.imports), "rows": outcome.rows, "refused": outcome.refused}
    if any(said.values()):
        log("feeds").info("pulled", feed=row["name"], **said)


def _failed(home: Home, number: int, name: str, every: float, failures: int, error: Exception) -> None:
    """Note why a run failed, in our words only: a driver's may hold a value."""
    now = clock.micros()
    pause = max(rules.pause_after(failures, every), float(getattr(error, "after", 0.0)))
    if isinstance(error, ZeroDistanceError):
        code, said = error.code, Text(error.message("zh"), error.message("en"))
    else:
        kind = type(error).__name__
        code = "error"
        said = Text(f"程序出错（{kind}），详情在日志里", f"the program failed ({kind}); its log says where")
    kept.change(
        home,
        number,
        last_finished_at=now,
        next_at=now + int(pause * clock.MICROS_PER_SECOND),
        failures=failures,
        error_code=code,
        error_zh=said.zh,
        error_en=said.en,
    )
    log("feeds").error("feed_failed", feed=name, failures=failures, error=told(error))

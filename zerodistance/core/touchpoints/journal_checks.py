"""What `doctor` looks at in the journal: the file, that it fits the state, and that its rows can be opened; and how it is mended."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from zerodistance.core.touchpoints import journal
from zerodistance.kernel.errors import WrongKey
from zerodistance.kernel.findings import Finding, Level, good
from zerodistance.kernel.home import Home
from zerodistance.kernel.locks import others_work
from zerodistance.kernel.mending import aside, copied_aside
from zerodistance.kernel.text import Text

_ROWS = 2_000  # own value: waiting rows that are opened
_EMPTY = b'{"batch":[]}'
"""What stands in the place of a row that can't be read: rows stay without a gap, and digestion passes it by."""

_HOLDS = Text("已处理的一切不受影响", "everything that was digested is untouched")
_REST = Text(
    "能读的行移到新文件，原文件移到 damaged/",
    "move the rows that can be read into a new file, the old one into damaged/",
)
_OLD_STATE = Text(
    "停止服务，恢复最近一次完整备份：状态库比日志旧",
    "stop the service and restore the last whole backup: the state is older than the journal",
)


def checks(home: Home) -> Iterator[Finding]:
    """Yield what is found in the journal."""
    path, position = home.path("journal.db"), journal.position(home)
    if not path.exists() and not position:
        yield good("journal", "还没有收到过任何请求", "no request has come in yet")
        return
    if not path.exists():
        yield _behind(home, position, 0)
        return
    said = _integrity(path)
    if said != "ok":
        yield _damaged(home, position, said)
        return
    with closing(journal.Journal.of(home)) as read:
        last, waiting = read.last(), read.waiting(position)
    first = _first(path, position)
    if position > last:
        yield _behind(home, position, last)
    elif waiting.rows < last - position and not others_work(home.lock_path):
        yield _gap(position, first, last, waiting.rows)
    else:
        yield good(
            "journal",
            f"完好；{waiting.rows} 个请求（{waiting.events} 条）等待处理",
            f"sound; {waiting.rows} requests ({waiting.events} events) wait to be digested",
        )
    yield from _sealed(home, position)


def _integrity(path: Path) -> str:
    try:
        with closing(sqlite3.connect(path, timeout=60)) as connection:
            return str(connection.execute("pragma integrity_check(1)").fetchone()[0])
    except sqlite3.DatabaseError as error:
        return str(error)


def _first(path: Path, position: int) -> int | None:
    with closing(sqlite3.connect(path, timeout=60)) as connection:
        found = connection.execute("select min(id) from row where id > ?", (position,)).fetchone()[0]
    return None if found is None else int(found)


# -- the state has digested further than the journal goes


def _behind(home: Home, position: int, last: int) -> Finding:
    text = Text(
        f"状态库已处理到第 {position} 行，日志只到第 {last} 行：日志丢失过，或两者不是同一时间的拷贝",
        f"the state has digested row {position} but the journal ends at {last}: it was lost, or they are copies of different times",
    )
    lost = Text(
        "丢失时还没处理的请求，个数不得而知",
        "requests that were not digested when it was lost; nobody can tell how many",
    )
    advice = Text(
        "让编号从状态库的位置继续，否则新请求会被当成已处理",
        "let numbers go on from the state's position, or new requests would pass for digested",
    )
    return Finding(
        Level.DAMAGE, "journal", text, advice, lambda: _go_on(home, position), "journal.behind", _HOLDS, lost
    )


def _go_on(home: Home, position: int) -> None:
    if home.path("journal.db").exists():
        copied_aside(home, home.path("journal.db"))
    with closing(journal.connect(home.path("journal.db"))) as connection:
        _number_from(connection, position)


def _number_from(connection: sqlite3.Connection, position: int) -> None:
    connection.execute("begin immediate")
    moved = connection.execute("update sqlite_sequence set seq = max(seq, ?) where name = 'row'", (position,))
    if not moved.rowcount:
        connection.execute("insert into sqlite_sequence (name, seq) values ('row', ?)", (position,))
    connection.execute("commit")


# -- rows after the state's position are gone: somebody digested them


def _gap(position: int, first: int | None, last: int, rows: int) -> Finding:
    upto = last if first is None else first - 1
    text = Text(
        f"状态库只处理到第 {position} 行，而日志里第 {position + 1} 至 {upto} 行已被处理并删除（共缺 {last - position - rows} 行）：状态库是一份旧拷贝",
        f"the state has digested row {position}, but rows {position + 1} to {upto} were digested and removed ({last - position - rows} are "
        "gone): the state is an older copy",
    )
    holds = Text(
        "湖里的交互和还在日志里的请求",
        "the touches in the lake, and the requests that are still in the journal",
    )
    lost = Text("状态库被换成旧拷贝之后的一切", "everything that the state held since that copy")
    return Finding(Level.DAMAGE, "journal", text, _OLD_STATE, None, "state.older", holds, lost)


# -- rows that can't be opened


def _sealed(home: Home, position: int) -> Iterator[Finding]:
    bad, seen = 0, 0
    for _ in _unreadable(home, position, _ROWS):
        bad += 1
    with closing(sqlite3.connect(home.path("journal.db"), timeout=60)) as connection:
        seen = min(
            _ROWS, connection.execute("select count(*) from row where id > ?", (position,)).fetchone()[0]
        )
    if not bad:
        return
    wrong = WrongKey(path=home.seal.path)
    if bad == seen and seen > 1:
        advice = Text("放回当时的密钥文件", "put back the key file of its time")
        yield Finding(
            Level.DAMAGE,
            "journal",
            Text(wrong.message("zh"), wrong.message("en")),
            advice,
            None,
            "journal.key",
            _HOLDS,
        )
        return
    text = Text(f"{bad} 个等待处理的请求打不开", f"{bad} waiting requests can't be opened")
    advice = Text(
        "不用做什么：处理时它们原样进入隔离区",
        "nothing to do: digestion puts them into the quarantine as they stand",
    )
    lost = Text(f"这 {bad} 个请求", f"these {bad} requests")
    yield Finding(Level.DAMAGE, "journal", text, advice, None, "journal.unreadable", _HOLDS, lost)


def _unreadable(home: Home, position: int, most: int) -> Iterator[tuple[int, int, str, int, bytes]]:
    query = "select id, source, route, received_at, body from row where id > ? order by id limit ?"
    with closing(sqlite3.connect(home.path("journal.db"), timeout=60)) as connection:
        for number, source, route, at, body in connection.execute(query, (position, most)):
            try:
                home.seal.open(body, journal.where(source, route, at))
            except WrongKey:
                yield number, source, route, at, body


# -- a file that SQLite can't read as a whole


def _damaged(home: Home, position: int, said: str) -> Finding:
    text = Text(f"文件已损坏：{said}", f"the file is damaged: {said}")
    lost = Text("等待处理的请求里读不出来的那些", "of the requests that wait, those that can't be read")
    return Finding(
        Level.DAMAGE,
        "journal",
        text,
        _REST,
        lambda: _salvage(home, position),
        "journal.damaged",
        _HOLDS,
        lost,
    )


def _salvage(home: Home, position: int) -> None:
    """Take every row that can be read into a new file; the others are empty there, so that numbers have no gap."""
    path, fresh = home.path("journal.db"), home.path("journal.new.db")
    fresh.unlink(missing_ok=True)
    rows = dict(_readable(path, position))
    with closing(journal.connect(fresh)) as connection:
        _number_from(connection, position)
        connection.execute("begin immediate")
        for number in range(position + 1, max(rows, default=position) + 1):
            empty = (0, "batch", 0, 0, "", home.seal.seal(_EMPTY, journal.where(0, "batch", 0)))
            values = (number, *rows.get(number, empty))
            connection.execute(
                "insert into row (id, source, route, received_at, events, encoding, body) values (?, ?, ?, ?, ?, ?, ?)",
                values,
            )
        connection.execute("commit")
        connection.execute("pragma wal_checkpoint(truncate)").fetchone()
        connection.execute("pragma journal_mode=delete").fetchone()
    for name in ("journal.db-wal", "journal.db-shm", "journal.db"):
        aside(home, home.path(name))
    fresh.rename(path)


def _readable(path: Path, position: int) -> Iterator[tuple[int, tuple[object, ...]]]:
    """Yield the rows after a position, going round what can't be read."""
    query = "select id, source, route, received_at, events, encoding, body from row where id > ? order by id limit 1"
    below = "select id, source, route, received_at, events, encoding, body from row where id < ? and id > ? order by id desc limit 1"
    with closing(sqlite3.connect(path, timeout=60)) as connection:
        seen: set[int] = set()
        for ask, at in ((query, position), (below, 1 << 62)):
            while True:
                try:
                    bound = (at,) if ask is query else (at, position)
                    row = connection.execute(ask, bound).fetchone()
                except sqlite3.DatabaseError:
                    break
                if row is None or row[0] in seen:
                    break
                seen.add(row[0])
                at = row[0]
                yield row[0], tuple(row[1:])
